"""The operator may die at any moment."""

import pytest
from e2e.conftest import World
from support.writes import Writes

LENGTHS = {"Pending": 17, "Compiling": 18, "Deploying": 19, "Ready": 20}


@pytest.mark.parametrize("phase", list(LENGTHS))
def test_an_operator_killed_in_a_phase_converges_with_exactly_one_job(world: World, phase: str) -> None:
    name = f"killed-{phase.lower()}"
    writes = Writes(world.release)
    world.kube.apply(world.model(name, compile={"sequenceLengths": [LENGTHS[phase]]}))
    try:
        if phase != "Pending":
            world.phase(name, phase)
        world.release.kill()
        artifact = world.ready(name)["status"]["artifact"]["name"]
        assert len(world.jobs_of(artifact)) == 1
        assert writes.created("jobs", artifact) == 1
    finally:
        world.remove(name)
