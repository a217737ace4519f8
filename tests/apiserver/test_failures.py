"""Whatever goes wrong ends in its own reason, a sentence that says what to do, and an Event; and it heals."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hollow import CRASHED, OUT_OF_MEMORY, RUNNING, Ends, Outcome, Waits, failed, published
from hollow.world import ARTIFACTS, MODELS, World, volume
from support.kube import Object, condition
from support.wait import eventually

NOWHERE = {"nodeSelector": {"tests.neuron-operator.dev/hollow": "nowhere"}}
FOR_GOOD = (
    "SourceNotFound",
    "RevisionNotFound",
    "SourceUnauthorized",
    "ModelUnreadable",
    "UnsupportedArchitecture",
    "UnsupportedOperator",
    "RemoteCodeRefused",
    "SequenceTooLong",
    "CompilerOutOfMemory",
    "ToolchainMissing",
    "CompileTimeout",
    "ParityFailed",
    "StorageFull",
    "StorageUnwritable",
)


@dataclass(frozen=True)
class Case:
    """A model that fails: why, what its pods do, and what its spec says beside the usual."""

    name: str
    reason: str
    phase: str
    compiler: Outcome | None = None
    server: Outcome | None = None
    spec: dict[str, Any] = field(default_factory=dict)

    @property
    def tells(self) -> bool:
        """Whether a container has said why, in its termination message."""
        ended = self.server.last if isinstance(self.server, Waits) else self.compiler
        return isinstance(ended, Ends) and "message" in ended.message


def sentence(reason: str) -> str:
    """What a container writes into its termination message."""
    return f"This went wrong in the way of {reason}: change that."


def waiting(reason: str, message: str) -> Waits:
    return Waits(reason, message)


def crashing(reason: str) -> Waits:
    report = {"reason": reason, "message": sentence(reason)}
    return Waits("CrashLoopBackOff", "back-off 40s restarting", last=Ends(10, "Error", report))


CASES = [
    *(Case(reason.lower(), reason, "Failed", failed(reason, sentence(reason))) for reason in FOR_GOOD),
    Case(
        *("unreachable", "SourceUnreachable", "Failed"),
        failed("SourceUnreachable", sentence("SourceUnreachable"), exit_code=11),
    ),
    Case("killed", "CompilerOutOfMemory", "Failed", OUT_OF_MEMORY),
    Case("crashed", "CompilerCrashed", "Failed", CRASHED),
    Case("pulling", "ImagePullFailed", "Pending", waiting("ImagePullBackOff", "Back-off pulling image")),
    Case("badname", "ImagePullFailed", "Pending", waiting("InvalidImageName", "couldn't parse image name")),
    Case(
        *("secretless", "SecretNotFound", "Pending"),
        waiting("CreateContainerConfigError", 'secret "token" not found'),
        spec={"model": {"secretRef": {"name": "token"}}},
    ),
    Case("nowhere", "Unschedulable", "Pending", spec={"serving": NOWHERE}),
    Case("claimless", "ClaimNotFound", "Pending", spec={"storage": {"claimName": "nobody-made-it"}}),
    Case("unbound", "StorageNotBound", "Pending", spec={"storage": {"claimName": "never-bound"}}),
    Case(
        "looping",
        "ServerCrashLooping",
        "Failed",
        server=Waits("CrashLoopBackOff", "back-off", last=CRASHED),
    ),
    *(
        Case(reason.lower(), reason, "Failed", server=crashing(reason))
        for reason in ("ArtifactMissing", "ArtifactCorrupt", "VersionMismatch", "DriverMismatch")
    ),
    Case("busy", "CoresBusy", "Deploying", server=crashing("CoresBusy")),
]


@pytest.fixture(scope="module", autouse=True)
def _all_at_once(world: World) -> None:
    """Apply every case before the first is looked at, so that they fail side by side."""
    for case in CASES:
        if case.compiler:
            world.node.play(world.uri(case.name), case.compiler)
        if case.server:
            world.node.play(case.name, case.server)
    world.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "never-bound", "namespace": world.namespace},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "storageClassName": "nobody-provisions-it",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        },
        *(world.model(case.name, **case.spec) for case in CASES),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.reason}")
def test_a_failure_ends_in_its_own_reason_and_an_event(world: World, case: Case) -> None:
    model = world.becomes(case.name, case.phase, "Ready", holds="False", reason=case.reason)
    message = condition(model, "Ready")["message"]
    assert message.endswith(".")
    assert len(message.split()) > 5, message
    if case.tells:
        assert sentence(case.reason) in message
    eventually(lambda: world.events(case.name, case.reason), what=f"an Event about {case.reason}")
    if case.server is None:
        artifact = world.there(ARTIFACTS, world.artifact(case.name))
        assert condition(artifact, "Ready")["reason"] == case.reason
        assert world.get("deployment", case.name) is None


def test_a_failure_that_may_heal_is_tried_again_as_often_as_the_spec_says(world: World) -> None:
    world.node.play(
        world.uri("flaky"), failed("SourceUnreachable", sentence("SourceUnreachable"), exit_code=11)
    )
    with world.record("jobs") as jobs:
        world.apply("flaky", compile={"retries": 3})
        job = f"{world.artifact('flaky')}-compile"
        eventually(lambda: world.there("job", job)["status"].get("failed"), what="a first try has failed")
        world.node.play(world.uri("flaky"), published())
        world.ready("flaky")
        assert jobs.created("flaky-") == 1


def test_an_image_that_can_be_pulled_after_all_clears_the_reason(world: World) -> None:
    world.becomes("pulling", "Pending", "Ready", holds="False", reason="ImagePullFailed")
    world.node.play(world.uri("pulling"), published())
    world.ready("pulling")


def test_a_corrected_node_selector_lets_the_compile_pod_run(world: World) -> None:
    world.becomes("nowhere", "Pending", "Ready", holds="False", reason="Unschedulable")
    world.apply("nowhere")
    world.ready("nowhere")


def test_a_claim_that_is_made_later_lets_the_compile_pod_run(world: World) -> None:
    world.becomes("claimless", "Pending", "Ready", holds="False", reason="ClaimNotFound")
    world.kube.apply(
        late_volume(world),
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "nobody-made-it", "namespace": world.namespace},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "storageClassName": "hollow-late",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        },
    )
    world.ready("claimless")


def late_volume(world: World) -> Object:
    made = volume(world.namespace)
    made["metadata"]["name"] = f"{world.namespace}-late"
    made["spec"]["storageClassName"] = "hollow-late"
    made["spec"]["claimRef"]["name"] = "nobody-made-it"
    return made


def test_a_raised_memory_limit_starts_a_new_job_after_the_compiler_ran_out_of_memory(world: World) -> None:
    world.becomes("killed", "Failed", "Ready", holds="False", reason="CompilerOutOfMemory")
    artifact = world.artifact("killed")
    before = world.there("job", f"{artifact}-compile")["metadata"]["uid"]
    world.node.play(world.uri("killed"), published())
    world.patch("killed", compile={"resources": {"limits": {"memory": "8Gi"}}})
    assert world.ready("killed")["status"]["artifact"]["name"] == artifact
    after = world.there("job", f"{artifact}-compile")
    assert after["metadata"]["uid"] != before
    limits = after["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits["memory"] == "8Gi"


def test_a_wrong_uri_that_is_corrected_compiles_the_right_model(world: World) -> None:
    world.node.play(world.uri("typo"), failed("SourceNotFound", "There is no such model."))
    world.apply("typo")
    world.becomes("typo", "Failed", "Ready", holds="False", reason="SourceNotFound")
    world.patch("typo", model={"uri": world.uri("right")})
    assert world.ready("typo")["status"]["artifact"]["name"].startswith("right-")


def test_a_server_that_stops_crashing_is_ready_again(world: World) -> None:
    world.becomes("looping", "Failed", "Ready", holds="False", reason="ServerCrashLooping")
    world.node.play("looping", RUNNING)
    world.ready("looping")


def test_a_server_whose_busy_cores_come_free_is_ready(world: World) -> None:
    world.becomes("busy", "Deploying", "Ready", holds="False", reason="CoresBusy")
    world.node.play("busy", RUNNING)
    world.ready("busy")


TERMS = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In"}]}]}
SPREAD = {"maxSkew": 0, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
REFUSED: dict[str, tuple[str, Any]] = {
    "a value that is no label's": ("nodeSelector", {"zone": "not a label's value!"}),
    "one of no values": (
        "affinity",
        {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": TERMS}},
    ),
    "a spread that allows nothing": ("topologySpreadConstraints", [SPREAD]),
}


@pytest.mark.parametrize("what", list(REFUSED))
def test_what_the_api_server_refuses_to_make_is_said_with_its_own_words(world: World, what: str) -> None:
    """A schema can't tell; the API server's own validation of the Job or Deployment can."""
    field_name, value = REFUSED[what]
    name = f"refused-{field_name.lower()}"
    world.apply(name, serving={field_name: value})

    def refused() -> str | None:
        now = condition(world.get(MODELS, name), "Ready")
        assert (now["status"], now["reason"]) == ("False", "SpecRejected"), str(now)
        return str(now["message"])

    assert field_name in eventually(refused, what="the model says that its spec is refused")
    eventually(lambda: world.events(name, "SpecRejected"), what="an Event about SpecRejected")
    world.apply(name)
    world.ready(name)
