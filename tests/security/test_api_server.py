"""The claims of docs/security.md that the API server keeps: the chart's rules, with a real one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import yaml
from chart.helm import RELEASE, Helm, of_kind
from cluster import tools
from support.kube import Kube, Object, Refused, condition
from support.wait import eventually

NAMESPACE = "neuron-security"
POLICY, BINDING = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"
OPERATOR = f"system:serviceaccount:chart-test:{RELEASE}"


def resource(kind: str, **spec: Any) -> Object:
    return {
        "apiVersion": "neuron-operator.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "asked", "namespace": NAMESPACE},
        "spec": {"model": {"uri": "hf://mine/gpt2"}, "target": "cpu", **spec},
    }


ASKED = resource("NeuronModel")
Says = Callable[..., str | None]


@pytest.fixture(scope="module")
def namespace(kube: Kube) -> Iterator[None]:
    with kube.temporary_namespace(NAMESPACE):
        yield


@pytest.fixture
def says(kube: Kube, namespace: None) -> Says:
    """What the API server says to somebody who creates an object; None where it takes it. Nothing is kept."""

    def answer(obj: Object, who: str | None = None) -> str | None:
        somebody = ["--as", who, "--as-group", "system:masters"] if who else []
        try:
            kube.kubectl("create", "--dry-run=server", "-f", "-", *somebody, stdin=yaml.safe_dump(obj))
        except Refused as error:
            return str(error)
        return None

    return answer


@contextmanager
def rules(kube: Kube, *values: str) -> Iterator[None]:
    """The chart's rules with those values, for one namespace."""
    helm = Helm(tools.build(tools.HELM), tools.kubernetes_version())
    chosen = [word for value in (f"watchNamespaces={{{NAMESPACE}}}", *values) for word in ("--set", value)]
    rendered = helm.template(*chosen)
    objects = [*of_kind(rendered, POLICY), *of_kind(rendered, BINDING)]
    kube.apply(*objects)
    try:
        yield
    finally:
        for obj in reversed(objects):
            kube.delete(obj["kind"], obj["metadata"]["name"])


def refused(says: Says, obj: Object, words: str) -> None:
    """A rule holds a moment after it was made."""
    eventually(lambda: words in (says(obj) or ""), what=f"the API server says {words!r}")


def test_images(kube: Kube, says: Says) -> None:
    named = resource("NeuronArtifact", image="example.org/mine:1")
    with rules(kube):
        refused(says, named, "spec.image is for the operator alone to set")
        assert says(named, OPERATOR) is None
        assert says(resource("NeuronArtifact")) is None
        assert says(ASKED) is None


def test_what_an_organisation_allows(kube: Kube, says: Says) -> None:
    own_code = resource("NeuronModel", model={"uri": "hf://mine/gpt2", "trustRemoteCode": True})
    torchserve = resource("NeuronModel", serving={"runtime": "TorchServe"})
    elsewhere = resource("NeuronModel", model={"uri": "hf://others/gpt2"})
    foreign = resource("NeuronArtifact", image="example.org/compiler:1")
    own = resource("NeuronArtifact", image="registry.example.org/team/compiler:1")
    chosen = (
        "admission.artifactImages=false",
        "admission.remoteCode=false",
        "admission.runtimes={Triton}",
        "admission.sources={hf://mine/}",
        "admission.registries={registry.example.org/team}",
    )
    with rules(kube, *chosen):
        refused(says, own_code, "Models may not bring code of their own")
        refused(says, torchserve, "spec.serving.runtime must be one of these: Triton")
        refused(says, elsewhere, "spec.model.uri must begin with one of these: hf://mine/")
        refused(says, foreign, "spec.image must be of one of these registries")
        assert says(own) is None
        assert says(ASKED) is None


def of(part: str, **spec: Any) -> Object:
    """A NeuronModel whose pods of that part are patched."""
    return resource("NeuronModel", **{part: {"podTemplate": {"spec": spec}}})


def test_images_that_a_pod_template_brings(kube: Kube, says: Says) -> None:
    foreign = [{"name": "proxy", "image": "example.org/proxy:1"}]
    own = [{"name": "proxy", "image": "registry.example.org/team/proxy:1"}]
    tuned = [{"name": "server", "terminationMessagePolicy": "FallbackToLogsOnError"}]
    volumes = [{"name": "data", "image": {"reference": "example.org/data:1"}}, {"name": "a", "emptyDir": {}}]
    words = "Images in a podTemplate"
    with rules(kube, "admission.registries={registry.example.org/team}"):
        refused(says, of("serving", containers=foreign), words)
        for part in ("serving", "compile"):
            for spec in ({"containers": foreign}, {"initContainers": [*own, *foreign]}, {"volumes": volumes}):
                assert words in (says(of(part, **spec)) or ""), f"{part} {spec}"
            assert says(of(part, containers=own, initContainers=None, volumes=volumes[1:])) is None
        artifact = resource("NeuronArtifact", compile={"podTemplate": {"spec": {"containers": foreign}}})
        assert words in (says(artifact) or "")
        assert says(of("serving", containers=tuned)) is None
        assert says(resource("NeuronModel", serving={"podTemplate": {"metadata": {}}})) is None


def test_a_namespace_that_nobody_watches(kube: Kube, namespace: None) -> None:
    def warned(obj: Object) -> bool:
        command = ("create", "--dry-run=server", "-f", "-", "-o", "name", "--warnings-as-errors")
        try:
            kube.kubectl(*command, stdin=yaml.safe_dump(obj))
        except Refused as error:
            return "NotWatched: neuron-operator in chart-test watches other namespaces" in str(error)
        return False

    elsewhere = {**ASKED, "metadata": {"name": "asked", "namespace": "default"}}
    with rules(kube):
        eventually(lambda: warned(elsewhere), what="the API server warns")
        assert not warned(ASKED)


def test_a_model_that_nobody_has_looked_at_says_so_itself(kube: Kube, namespace: None) -> None:
    for kind in ("NeuronModel", "NeuronArtifact"):
        kube.apply(resource(kind))
        said = condition(kube.get(kind.lower(), "asked", NAMESPACE) or {}, "Ready")
        assert (said["status"], said["reason"]) == ("Unknown", "NotWatched")
        kube.delete(kind.lower(), "asked", NAMESPACE)


def test_a_rule_leaves_alone_what_was_there_before(kube: Kube, says: Says) -> None:
    before = resource("NeuronModel", model={"uri": "hf://others/gpt2"})
    kube.apply(before)
    with rules(kube, "admission.sources={hf://mine/}"):
        refused(says, {**before, "metadata": {**before["metadata"], "name": "later"}}, "must begin with")
        kube.patch("neuronmodel", "asked", NAMESPACE, {"metadata": {"labels": {"team": "a"}}})
        with pytest.raises(Refused, match="must begin with"):
            kube.patch("neuronmodel", "asked", NAMESPACE, {"spec": {"replicas": 2}})
        kube.delete("neuronmodel", "asked", NAMESPACE)
        eventually(lambda: kube.get("neuronmodel", "asked", NAMESPACE) is None, what="it is gone")
