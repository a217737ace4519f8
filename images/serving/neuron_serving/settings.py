"""The environment that the operator gives the serving container, parsed once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neuron_contract import variables
from neuron_contract.families import FAMILY_OF_TARGET

from neuron_serving.failure import ServingError


@dataclass(frozen=True)
class Settings:
    """What to serve, and with how much of the machine.

    cores counts NeuronCores and is 1 on a CPU; cpus counts the whole CPUs that all instances share.
    batch_rows and batch_delay (milliseconds) are None where the server's own defaults hold; manifest_sha256
    is that of the only manifest that may be loaded, None where it was never recorded. local_copy: whether the
    whole artifact is copied to the node's disk before it is loaded; scratch is a directory on that disk;
    request_log asks for a line of each inference over HTTP.
    """

    model_name: str
    digest: str
    store: Path
    target: str
    cores: int
    cpus: int
    batch_rows: int | None = None
    batch_delay: int | None = None
    manifest_sha256: str | None = None
    local_copy: bool = False
    scratch: Path = Path("/tmp/artifact")
    request_log: bool = False

    @property
    def family(self) -> str:
        """The backend family that compiles for the target: cpu, neuronx or neuron."""
        return FAMILY_OF_TARGET[self.target]


def parse(environment: Mapping[str, str], visible_cpus: int) -> Settings:
    """Read the settings from a container's environment.

    visible_cpus is the number of CPUs this process may run on. Raises ServingError (SettingsInvalid).
    """
    target = _required(environment, "TARGET")
    if target not in FAMILY_OF_TARGET:
        known = ", ".join(FAMILY_OF_TARGET)
        raise ServingError("SettingsInvalid", f"TARGET is {target!r}: set it to one of {known}.")
    return Settings(
        model_name=_required(environment, "MODEL_NAME"),
        digest=_required(environment, "ARTIFACT_DIGEST"),
        store=Path(environment.get("STORE_PATH", "/artifacts")),
        target=target,
        cores=1 if target == "cpu" else max(1, _number(environment, "SERVING_CORES", 1)),
        cpus=cpus(_number(environment, "CPU_LIMIT", 0), _number(environment, "CPU_REQUEST", 0), visible_cpus),
        batch_rows=_number(environment, "BATCH_ROWS", 0) or None,
        batch_delay=_number(environment, "BATCH_DELAY", 0) if environment.get("BATCH_DELAY") else None,
        manifest_sha256=environment.get(variables.MANIFEST_SHA256) or None,
        local_copy=environment.get(variables.LOCAL_COPY) == "true",
        request_log=environment.get("REQUEST_LOG") == "true",
    )


def cpus(limit: int, request: int, visible: int) -> int:
    """Return how many threads fit the container's CPU limit and request, both in millicores (0: unknown).

    The limit is rounded down, because a thread more than that is only throttled. Without a limit Kubernetes
    reports the node's whole CPU as the limit, so the request counts only where no limit is known at all.
    """
    given = limit or request or 1000 * visible
    return max(1, min(given // 1000, visible))


def visible_cpus() -> int:
    """Return the number of CPUs this process may run on."""
    return len(os.sched_getaffinity(0))


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise ServingError("SettingsInvalid", f"The environment variable {name} is not set: set it.")
    return value


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal():
        raise ServingError("SettingsInvalid", f"{name} is {text!r}: write a whole number.")
    return int(text)
