"""Does a kind of change again and again under traffic."""

from e2e.conftest import World

from rollouts.kinds import KINDS, Model
from rollouts.result import Result
from rollouts.traffic import Traffic

_BETWEEN = 40
"""Questions before the first change and after each."""


def rolled(world: World, kind: str, runs: int) -> Result:
    """Do a kind of change that often to a model of its own."""
    chosen, name = KINDS[kind], f"rolls-{kind.replace('_', '-')}"
    model, traffic = Model(world, name), Traffic(world, f"traffic-{name}")
    try:
        model.apply(compile={"sequenceLengths": [27]}, replicas=chosen.replicas, **chosen.spec)
        model.settled()
        traffic.start(name)
        traffic.asks_more(_BETWEEN)
        for run in range(runs):
            chosen.change(model, run)
            traffic.asks_more(_BETWEEN)
        return Result(kind, runs, traffic.asked(), traffic.failures())
    finally:
        traffic.stop()
        world.remove(name)
