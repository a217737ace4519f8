"""What two hundred models at once cost the operator."""

from hollow.world import MODELS, World, is_ready
from support.wait import eventually

from bench.figures import Figure
from bench.progress import say

NAMES = ("models_200_ready_seconds", "operator_cpu_seconds_200_models", "operator_rss_mib_200_models")
COUNT = 200
MIB = 2**20


def measure(world: World) -> dict[str, Figure]:
    """Seconds, processor seconds and memory from the creation of all models to the last one's Ready."""
    names = [f"crowd-{n:03}" for n in range(COUNT)]
    with world.record(MODELS) as models:
        world.apply("warm-up")
        eventually(lambda: models.first("warm-up", is_ready), what="the operator works")
        cpu = world.operator.cpu()
        world.create(*names)
        waiting = set(names)

        def all_ready() -> bool:
            waiting.difference_update([name for name in waiting if models.first(name, is_ready)])
            say(f"{COUNT - len(waiting)} of {COUNT} models are Ready")
            return not waiting

        eventually(all_ready, what=f"{COUNT} models are Ready", timeout=900, every=5)
        cpu = world.operator.cpu() - cpu
        created = min(seen.at for seen in models.all() if seen.object["metadata"]["name"] in names)
        ready = [models.first(name, is_ready) for name in names]
        seconds = max(seen.at for seen in ready if seen) - created
        memory = world.operator.memory()
    how = f"{COUNT} models of different digests, made by one kubectl create, hollow node, real controllers"
    return {
        "models_200_ready_seconds": Figure(round(seconds, 1), "s", f"first creation to last Ready; {how}"),
        "operator_cpu_seconds_200_models": Figure(
            round(cpu, 1), "s", f"processor time of the operator from creation to the last Ready; {how}"
        ),
        "operator_rss_mib_200_models": Figure(
            round(memory / MIB), "MiB", f"most memory the operator's process held (VmHWM); {how}"
        ),
    }
