"""A container's resources: the installation's defaults under the user's own, and the accelerator."""

from collections.abc import Mapping
from decimal import Decimal

from neuron_operator.api.settings import Accelerator
from neuron_operator.api.spec import Resources
from neuron_operator.reading.objects import Object
from neuron_operator.reading.quantities import parse
from neuron_operator.terms.targets import is_accelerated

EPHEMERAL = "ephemeral-storage"

_VENDOR = "aws.amazon.com/"
_SERVER_FLOOR = 2**30
_SERVER_ROOM = 4 * 2**30


def is_device(resource: str) -> bool:
    """Whether the resource stands for Neuron cores or devices."""
    return resource.startswith(_VENDOR)


def without_devices(own: Resources) -> Resources:
    """The same, for a container that uses none of the Neuron devices."""

    def kept(quantities: Mapping[str, str]) -> dict[str, str]:
        return {name: amount for name, amount in quantities.items() if not is_device(name)}

    return Resources(requests=kept(own.requests), limits=kept(own.limits))


def devices_only(own: Resources) -> Resources:
    """The Neuron devices alone."""

    def kept(quantities: Mapping[str, str]) -> dict[str, str]:
        return {name: amount for name, amount in quantities.items() if is_device(name)}

    return Resources(requests=kept(own.requests), limits=kept(own.limits))


def of_a_server(default: Resources | None, size: int, processes: int) -> Resources:
    """The default with room on the node's disk for an artifact of so many bytes: every process copies what it
    loads. 0 bytes: the size is not known, and the default says it all.
    """
    found = default or Resources()
    if not size:
        return found
    needs, most = Decimal(size + _SERVER_FLOOR), Decimal(2 * size * processes + _SERVER_ROOM)
    asked = max(parse(found.requests.get(EPHEMERAL, "0")), needs)
    bound = max(parse(found.limits.get(EPHEMERAL, "0")), most)
    return Resources(
        requests={**found.requests, EPHEMERAL: _mebibytes(asked)},
        limits={**found.limits, EPHEMERAL: _mebibytes(bound)},
    )


def _mebibytes(size: Decimal) -> str:
    return f"{-(-int(size) // 2**20)}Mi"


def scratch_limit(resources: Mapping[str, Mapping[str, str]]) -> str | None:
    """What a container with these resources may write to the node's disk, None where nothing bounds it."""
    return (resources.get("limits") or {}).get(EPHEMERAL)


def container_resources(
    own: Resources, default: Resources | None, *, target: str, cores: int, accelerator: Accelerator
) -> Object:
    """`resources` of a container.

    The user's quantities win one by one. Where a default would then contradict them (a request above its
    limit), the default gives way: an invalid pod helps nobody.
    """
    fallback = default or Resources()
    requests = {**fallback.requests, **own.requests}
    limits = {**fallback.limits, **own.limits}
    for name in requests.keys() & limits.keys():
        if parse(requests[name]) <= parse(limits[name]):
            continue
        if name in own.limits and name not in own.requests:
            requests[name] = limits[name]
        elif name in own.requests and name not in own.limits:
            limits[name] = requests[name]
    if EPHEMERAL in limits and EPHEMERAL not in own.limits:
        # Without one, the API server would make the default's limit the request: no node may have that much.
        requests.setdefault(EPHEMERAL, "0")
    if is_accelerated(target):
        devices = {name: amount for name, amount in limits.items() if is_device(name)}
        devices = devices or {name: amount for name, amount in requests.items() if is_device(name)}
        devices = devices or {accelerator.resource_name: str(accelerator.amount(target, cores))}
        requests |= devices
        limits |= devices
    parts = {"requests": dict(sorted(requests.items())), "limits": dict(sorted(limits.items()))}
    return {name: quantities for name, quantities in parts.items() if quantities}
