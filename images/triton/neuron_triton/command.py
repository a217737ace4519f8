"""The tritonserver process: its arguments and environment.

Sources: `tritonserver --help`; triton-inference-server/server, docs/customization_guide.
"""

from collections.abc import Mapping
from pathlib import Path

SERVER = Path("/opt/tritonserver/bin/tritonserver")
BACKENDS = Path("/opt/tritonserver/backends")

# With the time in which the pod leaves the endpoints (5 s) and the guard ends (20 s) less than the pod's
# grace period (60 s), so that requests in flight are answered before the kill.
EXIT_TIMEOUT_SECONDS = 30
# Reading gigabytes of weights from a network volume and the first runs take longer than the default 30 s.
STUB_TIMEOUT_SECONDS = 600
# Passes of the loop in which a thread of OpenMP waits before it sleeps; so many also where there are more
# threads than CPUs, for which a tenth is the default of any other policy.
SPIN_COUNT = "1000"
WAIT_POLICY = "ACTIVE"
# On the loopback address: the front answers clients.
HTTP_PORT = 9000
# Tensors travel between tritonserver and the model's process in shared memory, which grows in these steps.
SHARED_MEMORY_BYTES = 16 * 1024 * 1024
# Clients must not map the pod's memory, write log or trace files: these APIs answer only to a key nobody has.
RESTRICTED_APIS = "shared-memory,trace,logging"


def arguments(models: Path, restriction_key: str) -> list[str]:
    """Return tritonserver's command line for a model repository.

    restriction_key is the secret that the restricted APIs ask for.
    """
    return [
        str(SERVER),
        f"--model-repository={models}",
        f"--backend-directory={BACKENDS}",
        "--model-control-mode=none",
        "--disable-auto-complete-config",
        "--exit-on-error=true",
        "--strict-readiness=true",
        f"--exit-timeout-secs={EXIT_TIMEOUT_SECONDS}",
        "--http-address=127.0.0.1",
        f"--http-port={HTTP_PORT}",
        "--allow-grpc=false",
        "--metrics-address=0.0.0.0",
        "--metrics-port=8002",
        "--allow-gpu-metrics=false",
        "--pinned-memory-pool-byte-size=0",
        f"--http-restricted-api={RESTRICTED_APIS}:restriction-key={restriction_key}",
        f"--backend-config=python,shm-default-byte-size={SHARED_MEMORY_BYTES}",
        f"--backend-config=python,shm-growth-byte-size={SHARED_MEMORY_BYTES}",
        f"--backend-config=python,stub-timeout-seconds={STUB_TIMEOUT_SECONDS}",
    ]


def environment(inherited: Mapping[str, str], threads: int) -> dict[str, str]:
    """Return tritonserver's environment, which rules OpenMP's threads; what a user has set wins.

    Threads that wait spin for some microseconds only: on a node whose CPUs others use too, one that spins for
    long takes the CPU from the one it waits for, and a forward pass takes up to ten times as long; one that
    never spins is woken by the kernel for every small operation, which costs a fifth where the CPUs are free.
    """
    return {
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": WAIT_POLICY,
        "GOMP_SPINCOUNT": SPIN_COUNT,
        **inherited,
    }
