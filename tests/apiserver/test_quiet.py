"""A converged model costs nothing: no request that writes, whoever restarts or looks on."""

from hollow import CRASHED, Waits, failed
from hollow.world import World
from support.writes import Writes

SECONDS = 10


def test_converged_and_failed_and_waiting_models_cause_no_writes(world: World) -> None:
    world.node.play(world.uri("broken"), failed("ModelUnreadable", "config.json is missing."))
    world.node.play(world.uri("pulling"), Waits("ImagePullBackOff", "Back-off pulling image"))
    world.node.play("looping", Waits("CrashLoopBackOff", "back-off restarting", last=CRASHED))
    for name in ("converged", "broken", "pulling", "looping"):
        world.apply(name)
    world.apply("fixed", replicas=2)
    for name in ("converged", "fixed"):
        world.ready(name)
    world.becomes("broken", "Failed", "Ready", holds="False", reason="ModelUnreadable")
    world.becomes("pulling", "Pending", "Ready", holds="False", reason="ImagePullFailed")
    world.becomes("looping", "Failed", "Ready", holds="False", reason="ServerCrashLooping")
    writes = Writes(world.operator)
    writes.settle()
    assert writes.after_settling(seconds=SECONDS) == []


def test_an_operator_that_starts_again_writes_only_what_needs_repair(world: World) -> None:
    world.operator.stop()
    world.delete("service", "fixed")
    writes = Writes(world.operator)
    world.operator.start()
    world.appears("service", "fixed")
    writes.settle()
    assert writes.since_made() == ["patch services/fixed"]
