"""The operator's probes and metrics in a pod that has no IPv4 address but the loopback's."""

import os
import shutil
import subprocess
import sys

import pytest

_POD = 'ip link set lo up && ip -6 address add fd00::1/128 dev lo nodad && exec "$0" -c "$1"'
_ASKED = """
import asyncio
from urllib.error import HTTPError
from urllib.request import urlopen

from neuron_operator.world import health, metrics


def ask(url):
    try:
        return urlopen(url, timeout=5).status
    except HTTPError as error:
        return error.code


async def main():
    stuck = 0.0
    metrics.serve()
    runner = await health.serve(lambda: {"stuckSeconds": stuck}, dict)
    for stuck in (0.0, health.STUCK_SECONDS + 1):
        for host in ("[fd00::1]", "127.0.0.1"):
            print(host, await asyncio.to_thread(ask, f"http://{host}:8080/healthz"))
    print("metrics", await asyncio.to_thread(ask, "http://[fd00::1]:9090/metrics"))
    await runner.cleanup()


asyncio.run(main())
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"),
    reason="needs root, unshare and iproute2",
)
def test_they_answer_at_its_address_of_ipv6() -> None:
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", _POD, sys.executable, _ASKED],
        env={**os.environ, "NEURON_OPERATOR_HEALTH_PORT": "8080", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    expected = ["[fd00::1] 200", "127.0.0.1 200", "[fd00::1] 500", "127.0.0.1 500", "metrics 200"]
    assert done.stdout.splitlines() == expected, done.stderr
