"""The memory of a server, from the size of what it loads."""

from decimal import Decimal

from neuron_contract import memory

from neuron_operator.api.model import NeuronModel
from neuron_operator.api.spec import Resources
from neuron_operator.builders.templates import Served
from neuron_operator.reading.quantities import parse
from neuron_operator.terms.targets import is_accelerated

_MEMORY = "memory"
# For what computing takes beside the weights.
_ROOM = Decimal("1.25")


def with_weights(default: Resources | None, model: NeuronModel, served: Served) -> Resources | None:
    """The installation's default, raised where the artifact's weights do not fit it; as it is where their
    size is not known.
    """
    if not served.bytes:
        return default
    found = default or Resources()
    processes = _processes(model, served.target)
    # Buckets of one model weigh about the same.
    least = memory.needed(processes, served.bytes, -(-served.bytes // _buckets(model)))
    requests, limits = dict(found.requests), dict(found.limits)
    if parse(requests.get(_MEMORY, "0")) < (resident := memory.resident(processes, served.bytes)):
        requests[_MEMORY] = _mebibytes(Decimal(resident))
    if _MEMORY in limits and parse(limits[_MEMORY]) < least * _ROOM:
        limits[_MEMORY] = _mebibytes(least * _ROOM)
    return Resources(requests=requests, limits=limits)


def _processes(model: NeuronModel, target: str) -> int:
    """As many as there are cores, or pipelines of cores; one on a CPU."""
    if not is_accelerated(target):
        return 1
    pipeline = (model.compile.neuron.pipeline_cores or 1) if target == "inf1" else 1
    return max(1, model.serving.cores // pipeline)


def _buckets(model: NeuronModel) -> int:
    sizes = model.compile.image_sizes or model.compile.sequence_lengths
    return len(model.compile.batch_sizes) * max(1, len(sizes))


def _mebibytes(size: Decimal) -> str:
    return f"{-(-int(size) // memory.MEBIBYTE)}Mi"
