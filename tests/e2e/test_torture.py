"""A dozen kills at random moments; `make torture` does hundreds, and docs/torture.md says what they found."""

import secrets
from concurrent.futures import ThreadPoolExecutor

from e2e.conftest import NAMESPACE, World
from torture.campaign import Campaign
from torture.nodes import executioner
from torture.result import Result
from torture.stage import Stage, wrong_in_the_end

CONTAINERS, PROCESSES = 4, 8


def test_a_dozen_kills_leave_no_half_artifact_and_no_second_writer_and_everything_converges(
    world: World,
) -> None:
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    world.kube.shared_volume("processes", NAMESPACE)
    stage = Stage(world.kube, world.toolbox.image, NAMESPACE, f"s{seed}", {"cpu": {"backend": "TorchScript"}})
    with executioner(world.kube, stage.image) as nodes, ThreadPoolExecutor(1) as beside:
        stage.prepare()
        whole, request, first = stage.warm_up()
        campaign = Campaign(
            world.kube, world.release, nodes, stage.artifact, seed=seed, whole=whole, say=print
        )
        processes = beside.submit(stage.kill_processes, request, PROCESSES, seed, 300)
        pods = campaign.run(CONTAINERS, width=3)
        done = processes.result()
        wrong = wrong_in_the_end(stage.contents(), [first, *pods.digests], only=False)
        result = Result(pods, done, stage.watched(), wrong)
    print({name: figure.value for name, figure in result.figures().items()})
    assert result.failures == []
    assert pods.kills + done["kills"] >= CONTAINERS + PROCESSES
