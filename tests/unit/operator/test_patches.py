"""A patch over a pod template: merged as Kubernetes merges, and kept from what the operator must own."""

from typing import Any

import pytest
from neuron_operator.builders.patches import LARGEST_PATCH, patched, trespass
from neuron_operator.reading.objects import Object
from unit.operator.model_world import World

BUILT: Object = {
    "metadata": {"labels": {"app.kubernetes.io/name": "gpt2"}},
    "spec": {
        "restartPolicy": "Never",
        "securityContext": {"runAsUser": 1000},
        "tolerations": [{"key": "old", "operator": "Exists"}],
        "initContainers": [{"name": "fetch", "image": "compiler"}],
        "containers": [
            {
                "name": "server",
                "image": "triton",
                "env": [{"name": "MODEL_NAME", "value": "gpt2"}],
                "volumeMounts": [{"name": "artifacts", "mountPath": "/artifacts"}],
                "ports": [{"name": "http", "containerPort": 8000}],
            }
        ],
        "volumes": [{"name": "artifacts", "emptyDir": {}}],
    },
}


def spec(**patch: Any) -> Any:
    return patched(BUILT, {"spec": patch})["spec"]


def names(items: list[Object]) -> list[str]:
    return [str(item["name"]) for item in items]


def test_without_a_patch_the_template_stays_as_it_is() -> None:
    assert patched(BUILT, None) == patched(BUILT, {}) == BUILT


def test_labels_and_annotations_are_added() -> None:
    metadata = {"labels": {"kueue.x-k8s.io/queue-name": "team"}, "annotations": {"mesh": "on"}}
    merged = patched(BUILT, {"metadata": metadata})["metadata"]
    assert merged["labels"] == {"app.kubernetes.io/name": "gpt2", "kueue.x-k8s.io/queue-name": "team"}
    assert merged["annotations"] == {"mesh": "on"}


def test_a_container_is_found_by_its_name_and_its_lists_by_theirs() -> None:
    patch = {
        "name": "server",
        "env": [{"name": "A", "value": "1"}],
        "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
        "terminationMessagePath": "/dev/other",
    }
    (server,) = spec(containers=[patch])["containers"]
    assert names(server["env"]) == ["MODEL_NAME", "A"]
    assert [mount["mountPath"] for mount in server["volumeMounts"]] == ["/artifacts", "/cache"]
    assert (server["image"], server["terminationMessagePath"]) == ("triton", "/dev/other")


def test_a_sidecar_goes_to_the_end_and_an_init_container_to_the_beginning() -> None:
    sidecar = {"name": "proxy", "image": "envoy", "restartPolicy": "Always"}
    assert names(spec(containers=[sidecar])["containers"]) == ["server", "proxy"]
    assert names(spec(initContainers=[sidecar])["initContainers"]) == ["proxy", "fetch"]


def test_mappings_are_merged_other_lists_replaced_and_null_removes() -> None:
    merged = spec(
        securityContext={"fsGroup": 5}, tolerations=[{"operator": "Exists"}], nodeSelector={"a": "b"}
    )
    assert merged["securityContext"] == {"runAsUser": 1000, "fsGroup": 5}
    assert merged["tolerations"] == [{"operator": "Exists"}]
    assert merged["nodeSelector"] == {"a": "b"}
    assert "tolerations" not in spec(tolerations=None)


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        (
            {"metadata": {"labels": {"app.kubernetes.io/name": "x"}}},
            "metadata.labels[app.kubernetes.io/name]",
        ),
        ({"metadata": None}, "metadata.labels[app.kubernetes.io/name]"),
        ({"spec": {"restartPolicy": "Always"}}, "spec.restartPolicy"),
        (
            {"spec": {"volumes": [{"name": "artifacts", "hostPath": {"path": "/"}}]}},
            "spec.volumes[artifacts]",
        ),
        ({"spec": {"volumes": None}}, "spec.volumes[artifacts]"),
        ({"spec": {"containers": [{"name": "server", "image": "mine"}]}}, "spec.containers[server].image"),
        (
            {"spec": {"containers": [{"name": "server", "command": ["sh"]}]}},
            "spec.containers[server].command",
        ),
        (
            {"spec": {"containers": [{"name": "server", "env": [{"name": "MODEL_NAME", "value": "x"}]}]}},
            "spec.containers[server].env[MODEL_NAME]",
        ),
        (
            {"spec": {"containers": [{"name": "server", "env": None}]}},
            "spec.containers[server].env[MODEL_NAME]",
        ),
        (
            {
                "spec": {
                    "containers": [{"name": "server", "ports": [{"containerPort": 8000, "hostPort": 8000}]}]
                }
            },
            "spec.containers[server].ports[8000]",
        ),
        ({"spec": {"initContainers": None}}, "spec.initContainers[fetch]"),
        (
            {"spec": {"initContainers": [{"name": "fetch", "args": ["x"]}]}},
            "spec.initContainers[fetch].args",
        ),
    ],
)
def test_what_the_operator_must_own_is_left_alone(patch: Object, path: str) -> None:
    assert trespass(BUILT, patch) == path


def test_a_patch_that_only_adds_trespasses_on_nothing() -> None:
    patch = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {
            "volumes": [{"name": "cache", "emptyDir": {}}],
            "containers": [{"name": "server", "resources": {"limits": {"cpu": 1}}}, {"name": "proxy"}],
        },
    }
    assert trespass(BUILT, patch) is None


@pytest.mark.parametrize("part", ["serving", "compile"])
def test_a_patch_that_is_too_large_is_not_even_looked_at(part: str) -> None:
    patch: Object = {"spec": {"containers": [{"name": "server", "workingDir": "a" * LARGEST_PATCH}]}}
    asked: dict[str, Any] = {part: {"podTemplate": patch}}
    world = World(**asked)
    plan = world.decide()
    assert plan.refusal is not None
    assert plan.refusal.startswith(f"spec.{part}.podTemplate has ")
    assert all(len(str(change.obj)) < LARGEST_PATCH for change in plan.apply)
