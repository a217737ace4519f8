"""New servers that do not become Ready go, and what served before comes back; undo on request."""

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from neuron_operator.api.settings import Settings
from neuron_operator.plans.announce import transitions
from neuron_operator.reading.objects import Object, labels_of
from neuron_operator.terms import labels
from unit.operator.model_world import World, kinds, serving
from unit.operator.test_model_fallback import NODE
from unit.operator.worlds import SETTINGS, at, condition, ended, pod

NEWER_IMAGES: Settings = replace(
    SETTINGS, server_images={**SETTINGS.server_images, "Triton": {"cpu": "example.org/triton:1.1"}}
)
NEWEST_IMAGES: Settings = replace(
    SETTINGS, server_images={**SETTINGS.server_images, "Triton": {"cpu": "example.org/triton:1.2"}}
)


def template(world: World) -> Object:
    return copy.deepcopy(world.the("Deployment")["spec"]["template"])


def image(world: World) -> str:
    return str(template(world)["spec"]["containers"][0]["image"])


def annotate(world: World, name: str, value: str | None) -> None:
    world.body["metadata"]["annotations"] = {} if value is None else {name: value}


def new_artifact(world: World) -> None:
    world.change(compile={"batchSizes": [4]})
    world.reconcile()
    world.publish()


def new_image(world: World) -> None:
    world.settings = NEWER_IMAGES


def new_resources(world: World) -> None:
    world.change(serving={"resources": {"limits": {"memory": "1Mi"}}})


def new_env(world: World) -> None:
    world.change(serving={"env": [{"name": "A", "value": "1"}]})


def other_runtime(world: World) -> None:
    world.change(serving={"runtime": "TorchServe"})


def restart(world: World) -> None:
    annotate(world, labels.RESTART, "1")


CHANGES = [new_artifact, new_image, new_resources, new_env, other_runtime]


def rolling(world: World) -> None:
    """The Deployment's controller begins: the old server answers, a new one is there and does not."""
    deployment = world.the("Deployment")
    deployment["metadata"]["generation"] += 1
    deployment["status"] = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": 2,
        "updatedReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
        "conditions": [condition("Progressing", "True", "ReplicaSetUpdated")],
    }


def too_late(world: World) -> None:
    world.the("Deployment")["status"]["conditions"] = [
        condition("Progressing", "False", "ProgressDeadlineExceeded")
    ]


def crashing(world: World, count: int, *, of: Object, reason: str = "LoadFailed") -> None:
    """A server of that template ends again and again."""
    report = {"reason": reason, "message": f"{reason}, says the server."}
    found = pod(
        owner="replicaset", container="server", restartCount=count, ready=False, state=ended(1, report)
    )
    found["metadata"]["labels"] = dict(labels_of(of))
    world.pods = [found]


def settled(world: World) -> None:
    world.pods = []
    world.the("Deployment")["metadata"]["generation"] = 1
    world.serve()
    world.reconcile()


def failed(change: Any, world: World | None = None) -> World:
    """A world in which that change has run into its deadline and was taken back."""
    world = world or serving()
    change(world)
    world.reconcile()
    rolling(world)
    world.reconcile()
    too_late(world)
    world.reconcile()
    return world


@pytest.mark.parametrize("change", [*CHANGES, restart])
def test_servers_that_do_not_become_ready_in_time_go_and_those_before_stay(change: Any) -> None:
    world = serving()
    before, artifact = template(world), world.status["artifact"]
    change(world)
    world.reconcile()
    assert template(world) != before
    rolling(world)
    assert kinds(world.reconcile()) == []
    assert world.status["phase"] == "Deploying"
    said = world.status
    too_late(world)
    assert kinds(world.reconcile()) == ["Deployment"]
    assert template(world) == before
    assert world.status["artifact"] == artifact
    assert (world.says(), world.says("UpToDate")) == (("True", "RolledBack"), ("False", "RolledBack"))
    assert (world.says("Stalled"), world.says("Reconciling")[0]) == (("True", "RolledBack"), "False")
    assert world.status["phase"] == "Degraded"
    assert world.status["rolledBack"]["reason"] == "ServerNotReady"
    assert "neuron-operator.dev/retry" in world.condition("Ready")["message"]
    assert transitions(said, world.status)[0].reason == "RolledBack"
    settled(world)
    assert world.says() == ("True", "RolledBack")
    world.now = at(86400)
    assert not world.decide().writes_children


@pytest.mark.parametrize("change", CHANGES)
def test_a_new_server_that_crashes_three_times_is_not_waited_for_and_its_words_are_said(change: Any) -> None:
    world = serving()
    before = template(world)
    change(world)
    world.reconcile()
    rolling(world)
    crashing(world, 2, of=template(world))
    assert kinds(world.reconcile()) == []
    crashing(world, 3, of=template(world))
    world.reconcile()
    assert template(world) == before
    assert "LoadFailed, says the server." in world.condition("Ready")["message"]
    assert world.status["rolledBack"]["reason"] == "LoadFailed"


def test_it_is_said_what_has_failed() -> None:
    message = failed(new_image).condition("Ready")["message"]
    assert "the servers of the image example.org/triton:1.1 did not become ready" in message
    world = failed(new_artifact)
    wanted = world.wanted_name()
    assert f"the servers of the artifact {wanted} (digest " in world.condition("Ready")["message"]
    assert world.status["rolledBack"]["digest"] != world.status["artifact"]["digest"]
    assert "with what else the spec asks for" in failed(new_env).condition("Ready")["message"]


def test_old_servers_that_crash_keep_no_cure_from_coming() -> None:
    world = serving()
    old = template(world)
    new_resources(world)
    world.reconcile()
    rolling(world)
    cured = template(world)
    crashing(world, 30, of=old)
    assert kinds(world.reconcile()) == []
    assert template(world) == cured


def test_servers_that_have_served_and_crash_later_are_no_rollout_that_failed() -> None:
    world = serving()
    new_resources(world)
    world.reconcile()
    settled(world)
    after = template(world)
    world.now = at(7200)
    crashing(world, 30, of=after)
    too_late(world)
    assert kinds(world.reconcile()) == []
    assert "rolledBack" not in world.status
    assert template(world) == after


@pytest.mark.parametrize("change", CHANGES)
def test_servers_that_are_ready_for_a_moment_and_then_end_again_and_again_are_taken_back_too(
    change: Any,
) -> None:
    world = serving()
    before = template(world)
    change(world)
    world.reconcile()
    settled(world)
    assert world.says("UpToDate") == ("True", "Settled")
    world.now = at(600)
    crashing(world, 3, of=template(world))
    world.the("Deployment")["status"] |= {"readyReplicas": 0}
    world.reconcile()
    assert template(world) == before
    settled(world)
    assert world.says() == ("True", "RolledBack")


def test_a_deadline_of_long_ago_takes_nothing_back_that_has_served() -> None:
    world = serving()
    new_resources(world)
    world.reconcile()
    settled(world)
    too_late(world)
    assert kinds(world.reconcile()) == []


@pytest.mark.parametrize("reason", ["ArtifactMissing", "ArtifactCorrupt", "CoresBusy"])
def test_what_heals_by_itself_has_until_the_deadline(reason: str) -> None:
    world = serving()
    new_resources(world)
    world.reconcile()
    rolling(world)
    crashing(world, 9, of=template(world), reason=reason)
    assert kinds(world.reconcile()) == []
    too_late(world)
    assert kinds(world.reconcile()) == ["Deployment"]
    assert world.status["rolledBack"]["reason"] == reason


def test_a_first_rollout_that_fails_has_nothing_to_go_back_to() -> None:
    world = World()
    world.reconcile()
    world.publish()
    world.reconcile()
    first = template(world)
    world.the("Deployment")["status"] = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1}
    too_late(world)
    crashing(world, 9, of=first)
    world.reconcile()
    assert template(world) == first
    assert world.status["phase"] == "Failed"
    new_resources(world)
    world.reconcile()
    rolling(world)
    too_late(world)
    assert kinds(world.reconcile()) == []


@pytest.mark.parametrize("again", ["spec", "image", "retry"])
def test_it_is_tried_again_when_the_spec_the_image_or_the_annotation_changes(again: str) -> None:
    world = failed(new_image)
    settled(world)
    if again == "spec":
        world.change(serving={"env": [{"name": "A", "value": "1"}]})
    elif again == "image":
        world.settings = NEWEST_IMAGES
    else:
        annotate(world, labels.RETRY, "1")
    assert kinds(world.reconcile()) == ["Deployment"]
    assert image(world) == ("example.org/triton:1.2" if again == "image" else "example.org/triton:1.1")
    assert "rolledBack" not in world.status
    rolling(world)
    too_late(world)
    world.reconcile()
    assert image(world) == "example.org/triton:1"
    settled(world)
    assert not world.decide().writes_children


@pytest.mark.parametrize(
    "change", [{"replicas": 3}, {"storage": {"ttlSeconds": 9}}, {"rollout": {"progressDeadlineSeconds": 60}}]
)
def test_what_has_failed_is_not_tried_again_for_a_change_of_something_else(change: Object) -> None:
    world = failed(new_image)
    settled(world)
    world.change(**change)
    world.reconcile()
    assert image(world) == "example.org/triton:1"
    assert world.says("UpToDate") == ("False", "RolledBack")
    if "replicas" in change:
        assert world.the("Deployment")["spec"]["replicas"] == 3


def test_a_spec_that_is_changed_back_finds_its_servers_running() -> None:
    world = failed(new_env)
    settled(world)
    before = template(world)
    world.change(serving={})
    assert kinds(world.reconcile()) == ["Deployment"], "it need remember the failure no longer"
    assert template(world) == before
    assert (world.status["phase"], world.says("UpToDate")) == ("Deploying", ("False", "Serving"))
    settled(world)
    assert world.says("UpToDate") == ("True", "Settled")
    assert "rolledBack" not in world.status


def test_a_spec_that_is_changed_back_before_the_deadline_takes_the_very_template_up_again() -> None:
    world = serving()
    before = template(world)
    new_env(world)
    world.reconcile()
    rolling(world)
    world.settings = replace(SETTINGS, pull_policy="Always")
    world.change(serving={})
    world.reconcile()
    assert template(world) == before


def test_of_two_changes_after_each_other_the_second_goes_back_to_what_served() -> None:
    world = serving()
    before = template(world)
    new_env(world)
    world.reconcile()
    rolling(world)
    world.reconcile()
    new_image(world)
    world.reconcile()
    rolling(world)
    too_late(world)
    world.reconcile()
    assert template(world) == before


def test_one_server_that_is_away_for_a_moment_makes_what_served_no_stranger() -> None:
    world = serving(replicas=2)
    new_env(world)
    world.reconcile()
    world.the("Deployment")["status"] |= {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
    world.reconcile()
    second = template(world)
    world.the("Deployment")["status"] |= {"readyReplicas": 1}
    world.reconcile()
    new_image(world)
    world.reconcile()
    rolling(world)
    too_late(world)
    world.reconcile()
    assert template(world) == second


def test_what_the_deployment_says_is_enough_where_the_status_is_lost() -> None:
    world = failed(new_image)
    world.body["status"] = {}
    world.reconcile()
    settled(world)
    assert image(world) == "example.org/triton:1"
    assert world.says("UpToDate") == ("False", "RolledBack")


def test_the_operator_that_is_killed_between_the_deployment_and_the_status_goes_on() -> None:
    world = serving()
    new_image(world)
    world.reconcile()
    rolling(world)
    world.reconcile()
    said = world.status
    too_late(world)
    world.reconcile()
    world.body["status"] = said
    world.reconcile()
    assert image(world) == "example.org/triton:1"
    assert world.says() == ("True", "RolledBack")


def test_an_upgrade_of_the_operator_that_brings_a_bad_image_is_taken_back_too() -> None:
    world = serving()
    for name in (labels.TEMPLATE, labels.TEMPLATE_WISHES):
        del world.the("Deployment")["metadata"]["annotations"][name]
    del world.the("Deployment")["spec"]["template"]["metadata"]["labels"][labels.TEMPLATE_HASH]
    del world.body["status"]["history"]
    before = template(world)
    failed(new_image, world)
    assert template(world) == before
    settled(world)
    assert world.says() == ("True", "RolledBack")


def test_what_somebody_has_written_into_the_annotations_is_no_template() -> None:
    for text in ("", "[]", "{}", '{"template": {}}', "null", '{"template": 1, "until": "soon"}'):
        world = serving()
        new_env(world)
        world.reconcile()
        after = template(world)
        world.the("Deployment")["metadata"]["annotations"][labels.BEFORE] = text
        rolling(world)
        too_late(world)
        world.decide()
        world.the("Deployment")["metadata"]["annotations"][labels.ROLLED_BACK] = text
        world.reconcile()
        assert template(world) == after


def test_a_template_that_is_too_large_to_be_remembered_twice_is_not() -> None:
    env = [{"name": f"A{n}", "value": "x" * 2000} for n in range(60)]
    world = serving(serving={"env": env})
    world.change(serving={"env": [*env, {"name": "B", "value": "1"}]})
    world.reconcile()
    annotations = world.the("Deployment")["metadata"]["annotations"]
    assert labels.BEFORE not in annotations
    assert sum(map(len, annotations.values())) < 262144


def test_the_cpu_that_serves_in_an_accelerators_stead_is_not_taken_back() -> None:
    world = World(target="inf2", fallback="CPU")
    world.offers = [NODE]
    world.reconcile()
    world.publish("inf2")
    world.reconcile()
    settled(world)
    world.offers = []
    world.reconcile()
    world.now = at(300)
    world.reconcile()
    world.publish("cpu")
    world.reconcile()
    on_cpu = template(world)
    rolling(world)
    too_late(world)
    crashing(world, 9, of=on_cpu)
    world.reconcile()
    assert template(world) == on_cpu


def test_an_accelerator_whose_servers_fail_leaves_the_model_with_the_cpu() -> None:
    world = World(target="inf2", fallback="CPU")
    world.reconcile()
    world.publish("cpu")
    world.reconcile()
    settled(world)
    on_cpu = template(world)
    world.offers = [NODE]
    world.reconcile()
    world.publish("inf2")
    world.reconcile()
    assert template(world) != on_cpu
    rolling(world)
    too_late(world)
    world.reconcile()
    assert template(world) == on_cpu
    assert world.says() == ("True", "RolledBack")


def test_the_history_tells_what_has_served_and_when() -> None:
    world = serving()
    (first,) = world.status["history"]
    assert first["digest"] == world.status["artifact"]["digest"]
    assert (first["revision"], first["since"]) == ("607a30d7", "2026-01-01T12:00:00Z")
    assert first["throughputPerSecond"] == 48.1
    world.now = at(3600)
    new_artifact(world)
    world.reconcile()
    assert world.status["history"] == [first], "it has not served yet"
    settled(world)
    second, was = world.status["history"]
    assert (was, second["since"]) == (first, "2026-01-01T13:00:00Z")


def test_an_artifact_in_another_template_is_the_same_entry() -> None:
    world = serving()
    (first,) = world.status["history"]
    new_env(world)
    world.reconcile()
    world.now = at(60)
    settled(world)
    (second,) = world.status["history"]
    assert second == first | {"template": second["template"]}
    assert second["template"] != first["template"]


def test_the_history_is_bounded() -> None:
    world = serving()
    for number in range(14):
        world.settings = replace(
            SETTINGS,
            server_images={**SETTINGS.server_images, "Triton": {"cpu": f"example.org/triton:{number}"}},
        )
        world.reconcile()
        settled(world)
    history = world.status["history"]
    assert [entry["image"].split(":")[1] for entry in history] == [str(n) for n in range(13, 3, -1)]


@pytest.mark.parametrize(("rollout", "kept"), [({}, 1), ({"keep": 0}, 0), ({"keep": 2}, 2)])
def test_so_many_artifacts_that_served_count_as_used(rollout: Object, kept: int) -> None:
    world = serving(rollout=rollout)
    before: list[str] = []
    for size in (2, 4, 8):
        before.insert(0, world.status["artifact"]["name"])
        world.change(compile={"batchSizes": [size]})
        world.reconcile()
        world.publish()
        world.reconcile()
        settled(world)
    assert world.model.known_artifacts == {world.wanted_name(), *before[:kept]}


def test_while_a_rollout_is_under_way_the_artifact_that_it_may_go_back_to_is_kept() -> None:
    world = serving(rollout={"keep": 0})
    before = world.status["artifact"]["name"]
    new_artifact(world)
    world.reconcile()
    assert world.status["artifact"]["name"] != before
    assert before in world.model.known_artifacts


def two_releases() -> tuple[World, Object, Object]:
    """A world that serves its second artifact, and the entries of both."""
    world = serving()
    new_artifact(world)
    world.reconcile()
    settled(world)
    second, first = world.status["history"]
    return world, first, second


@pytest.mark.parametrize("names", ["number", "digest", "artifact"])
def test_undo_serves_an_earlier_artifact_while_the_annotation_is_there(names: str) -> None:
    world, first, second = two_releases()
    annotate(world, labels.UNDO, str(first[names]))
    assert kinds(world.reconcile()) == ["Deployment"]
    assert world.served_digest() == first["digest"] == world.status["artifact"]["digest"]
    assert world.status["benchmark"]["throughputPerSecond"] == 48.1
    settled(world)
    assert (world.status["phase"], world.says()) == ("Ready", ("True", "Undone"))
    assert world.says("UpToDate") == ("False", "Undone")
    assert (world.says("Stalled")[0], world.says("Undone")) == ("False", ("True", "Undone"))
    assert [entry["digest"] for entry in world.status["history"]] == [first["digest"], second["digest"]]
    assert second["artifact"] in world.model.known_artifacts
    world.now = at(86400)
    assert not world.decide().writes_children
    annotate(world, labels.UNDO, None)
    world.reconcile()
    assert world.served_digest() == second["digest"]
    settled(world)
    assert world.says("UpToDate") == ("True", "Settled")


def test_undo_brings_the_image_back_too() -> None:
    world = serving()
    new_image(world)
    world.reconcile()
    settled(world)
    newest, first = world.status["history"]
    assert newest["digest"] == first["digest"]
    annotate(world, labels.UNDO, str(first["number"]))
    world.reconcile()
    assert image(world) == world.status["artifact"]["image"] == "example.org/triton:1"
    settled(world)
    assert world.says() == ("True", "Undone")
    assert world.says("ImageOutdated") == ("True", "Undone")
    assert [entry["number"] for entry in world.status["history"]] == [1, 2]
    annotate(world, labels.UNDO, None)
    world.reconcile()
    assert image(world) == "example.org/triton:1.1"


@pytest.mark.parametrize("wish", ["unknown", "0", "9", "None", "0" * 32, "x" * 300_000])
def test_an_undo_to_what_has_not_served_is_said_and_changes_nothing(wish: str) -> None:
    world, _, second = two_releases()
    annotate(world, labels.UNDO, wish)
    assert kinds(world.reconcile()) == []
    assert world.says("Undone") == ("False", "UndoImpossible")
    assert world.served_digest() == second["digest"]
    assert world.says("UpToDate") == ("True", "Settled")


@pytest.mark.parametrize("status", [None, {"phase": "Collecting"}, {"phase": "Compiling"}])
def test_an_undo_to_an_artifact_that_is_gone_is_said_and_changes_nothing(status: Object | None) -> None:
    world, first, second = two_releases()
    if status is None:
        del world.objects["NeuronArtifact", first["artifact"]]
    else:
        world.the("NeuronArtifact", first["artifact"])["status"] = status
    annotate(world, labels.UNDO, first["digest"])
    assert kinds(world.reconcile()) == []
    assert "must be compiled anew" in world.condition("Undone")["message"]
    assert world.served_digest() == second["digest"]


def test_an_undo_to_what_is_asked_for_anyway_is_nothing() -> None:
    world, _, second = two_releases()
    annotate(world, labels.UNDO, second["digest"])
    assert kinds(world.reconcile()) == []
    assert all(c["type"] != "Undone" for c in world.status["conditions"])


def test_an_undo_that_fails_is_taken_back_like_any_rollout() -> None:
    world, first, second = two_releases()
    annotate(world, labels.UNDO, first["digest"])
    world.reconcile()
    rolling(world)
    too_late(world)
    world.reconcile()
    assert world.served_digest() == second["digest"]
    assert world.says() == ("True", "RolledBack")


def test_what_is_undone_may_be_replaced_by_another_spec_once_the_annotation_has_gone() -> None:
    world, first, _ = two_releases()
    annotate(world, labels.UNDO, first["digest"])
    world.reconcile()
    settled(world)
    world.change(compile={"batchSizes": [8]})
    world.reconcile()
    assert world.served_digest() == first["digest"]
    world.publish()
    world.reconcile()
    assert world.served_digest() == first["digest"]
    annotate(world, labels.UNDO, None)
    world.reconcile()
    assert world.status["artifact"]["name"] == world.wanted_name()


def strategy(**spec: Any) -> Object:
    return dict(serving(**spec).the("Deployment")["spec"]["strategy"]["rollingUpdate"])


@pytest.mark.parametrize(
    ("rollout", "becomes"),
    [
        ({}, {"maxSurge": 1, "maxUnavailable": 0}),
        ({"maxSurge": 3}, {"maxSurge": 3, "maxUnavailable": 0}),
        ({"maxUnavailable": 1}, {"maxSurge": 1, "maxUnavailable": 1}),
        ({"maxSurge": 0}, {"maxSurge": 0, "maxUnavailable": 1}),
        ({"maxSurge": "0%"}, {"maxSurge": "0%", "maxUnavailable": 1}),
        ({"maxUnavailable": "25%"}, {"maxSurge": 1, "maxUnavailable": "25%"}),
        ({"maxSurge": 0, "maxUnavailable": 1}, {"maxSurge": 0, "maxUnavailable": 1}),
    ],
)
def test_how_many_may_come_and_go_is_the_models_to_say(rollout: Object, becomes: Object) -> None:
    assert strategy(rollout=rollout) == becomes


@pytest.mark.parametrize(
    ("rollout", "size", "seconds"),
    [({}, 0, 1800), ({}, 30_000_000_000, 3900), ({"progressDeadlineSeconds": 60}, 30_000_000_000, 60)],
)
def test_the_deadline_follows_what_the_servers_have_to_read(rollout: Object, size: int, seconds: int) -> None:
    world = World(rollout=rollout)
    world.reconcile()
    world.publish(sizeBytes=size)
    world.reconcile()
    assert world.the("Deployment")["spec"]["progressDeadlineSeconds"] == seconds
    assert json.loads(world.the("Deployment")["metadata"]["annotations"][labels.TEMPLATE])


def waits_for_a_device(world: World) -> None:
    said = "0/2 nodes are available: 2 Insufficient aws.amazon.com/neuroncore. preemption: 0/2 nodes"
    waiting = pod(
        owner="replicaset",
        container="server",
        conditions=(condition("PodScheduled", "False", "Unschedulable", said, age=60),),
    )
    waiting["metadata"]["labels"] = dict(labels_of(template(world)))
    world.pods = [waiting]


def test_a_new_server_without_a_spare_device_loses_nothing_and_says_which_field_allows_the_other_order() -> (
    None
):
    world = serving()
    before = template(world)
    new_env(world)
    world.reconcile()
    rolling(world)
    waits_for_a_device(world)
    assert kinds(world.reconcile()) == []
    assert world.says("ServingReady") == ("True", "NoSpareDevice")
    message = world.condition("ServingReady")["message"]
    assert "No node has aws.amazon.com/neuroncore to spare" in message
    assert "spec.rollout.maxSurge to 0 and maxUnavailable to 1" in message
    assert (world.says()[0], world.says("Reconciling")[0]) == ("True", "True")
    too_late(world)
    world.reconcile()
    assert template(world) == before
    assert world.status["rolledBack"]["reason"] == "NoSpareDevice"


@pytest.mark.parametrize("ready", [0, 1])
def test_a_server_that_waits_for_a_device_without_a_change_under_way_wants_a_node(ready: int) -> None:
    world = serving(replicas=2)
    waits_for_a_device(world)
    world.the("Deployment")["status"] |= {"replicas": 2, "updatedReplicas": 2, "readyReplicas": ready}
    world.reconcile()
    assert world.says("ServingReady")[1] == "Unschedulable"


def test_servers_are_spread_over_nodes_unless_the_model_says_how() -> None:
    (spread,) = template(serving())["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == (
        "kubernetes.io/hostname",
        "ScheduleAnyway",
    )
    zones = {"topologyKey": "zone", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule"}
    world = serving(serving={"topologySpreadConstraints": [zones]})
    (own,) = template(world)["spec"]["topologySpreadConstraints"]
    assert own == zones | {"labelSelector": spread["labelSelector"]}


def test_servers_of_an_operator_that_spread_none_stay_where_they_are() -> None:
    world = serving()
    deployment = world.the("Deployment")
    annotations = deployment["metadata"]["annotations"]
    kept = json.loads(annotations[labels.TEMPLATE])
    for one in (kept, deployment["spec"]["template"]):
        del one["spec"]["topologySpreadConstraints"]
        del one["metadata"]["labels"][labels.TEMPLATE_HASH]
    annotations[labels.TEMPLATE] = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    before = template(world)
    world.reconcile()
    assert template(world) == before
