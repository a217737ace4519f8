"""From `kubectl apply` to Ready, and what belongs to a model on the way."""

from hollow import RUNNING
from hollow.world import ARTIFACTS, MODELS, World
from support.kube import condition
from support.wait import eventually

CHILDREN = ("deployment", "service", "horizontalpodautoscaler", "poddisruptionbudget")


def test_a_model_goes_through_its_phases_in_order_to_ready(world: World) -> None:
    with world.record(MODELS) as models, world.record("jobs") as jobs:
        world.apply("path")
        world.ready("path")
        phases = [seen.object.get("status", {}).get("phase", "") for seen in models.all("path")]
        changes = [phase for before, phase in zip(["", *phases], phases, strict=False) if phase != before]
        assert [phase for phase in changes if phase != "Pending"] == ["Compiling", "Deploying", "Ready"]
        assert jobs.created("path-") == 1


def test_the_status_tells_what_was_compiled_and_where_it_answers(world: World) -> None:
    world.apply("told")
    status = world.ready("told")["status"]
    artifact = world.there(ARTIFACTS, status["artifact"]["name"])
    assert status["url"] == f"http://told.{world.namespace}.svc:8000"
    assert status["target"] == "cpu"
    assert status["parity"]["passed"] is True
    assert status["benchmark"]["p50Milliseconds"] == 10
    assert status["readyReplicas"] == status["replicas"] == 1
    assert status["pinned"]["toolchain"] == "cpu-torch2.13.0"
    assert "preparing" not in status
    assert artifact["status"]["phase"] == "Ready"
    assert artifact["status"]["digest"] == status["artifact"]["digest"]
    assert artifact["status"]["users"] == ["told"]
    assert artifact["status"]["sizeBytes"] == 12_582_912
    assert artifact["metadata"]["name"] == f"told-{status['artifact']['digest'][:10]}"
    assert "ownerReferences" not in artifact["metadata"]


def test_every_child_of_a_model_is_owned_by_it_and_goes_with_it(world: World) -> None:
    world.apply("owner")
    uid = world.ready("owner")["metadata"]["uid"]
    for kind in CHILDREN:
        child = world.there(kind, "owner")
        assert [owner["uid"] for owner in child["metadata"]["ownerReferences"]] == [uid], kind
        assert child["metadata"]["labels"]["neuron-operator.dev/model"] == "owner", kind
    world.delete(MODELS, "owner")
    world.gone(MODELS, "owner")
    for kind in CHILDREN:
        world.gone(kind, "owner")


def test_the_claim_outlives_the_models_that_wrote_to_it(world: World) -> None:
    world.apply("writer")
    world.ready("writer")
    claim = world.there("persistentvolumeclaim", "neuron-artifacts")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert "ownerReferences" not in claim["metadata"]


def test_the_columns_show_phase_target_artifact_replicas_and_url(world: World) -> None:
    world.apply("columns")
    status = world.ready("columns")["status"]
    header, line = world.kube.kubectl("get", MODELS, "columns", "-n", world.namespace).splitlines()
    shown = dict(zip(header.split(), line.split(), strict=True))
    expected = {
        "PHASE": "Ready",
        "READY": "True",
        "TARGET": "cpu",
        "ARTIFACT": status["artifact"]["name"],
        "REPLICAS": "1",
        "URL": status["url"],
    }
    assert {column: shown[column] for column in expected} == expected


def test_a_model_that_is_deleted_while_it_compiles_leaves_nothing_behind(world: World) -> None:
    world.node.play(world.uri("leaver"), RUNNING)
    world.apply("leaver", storage={"ttlSeconds": 1})
    world.phase("leaver", "Compiling")
    artifact = world.artifact("leaver")
    world.appears("job", f"{artifact}-compile")
    world.delete(MODELS, "leaver")
    world.gone(MODELS, "leaver")
    world.gone(ARTIFACTS, artifact)
    world.gone("job", f"{artifact}-compile")
    eventually(
        lambda: not world.all("pods", f"neuron-operator.dev/artifact={artifact}"),
        what="no pod of the artifact is left",
    )


def test_the_condition_of_a_ready_model_says_so_about_the_newest_generation(world: World) -> None:
    world.apply("newest")
    model = world.ready("newest")
    assert {c["observedGeneration"] for c in model["status"]["conditions"]} == {
        model["metadata"]["generation"]
    }
    assert condition(model, "ArtifactReady")["status"] == "True"
    assert condition(model, "ServingReady")["status"] == "True"
    assert model["status"]["observedGeneration"] == model["metadata"]["generation"]
    eventually(lambda: world.events("newest", "Serving"), what="an Event says that the model serves")
