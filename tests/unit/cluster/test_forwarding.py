"""The local cluster beside something that drops what bridges forward, as a Docker engine leaves a machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_TESTS = Path(__file__).resolve().parents[2]
# Two hosts on the cluster's bridge, in a network of the test's own. A connection that is refused has arrived.
_NETWORK = """
set -e
mount -t tmpfs tmpfs /run
iptables -P FORWARD DROP
for n in 1 2; do
    ip netns add host$n
    ip link add cable$n type veth peer name eth0 netns host$n
    ip -n host$n address add 10.213.0.1$n/24 dev eth0
    ip -n host$n link set eth0 up
done
call() { "$PYTHON" -c "from cluster import host; host.$1()"; }
reaches() { ip netns exec host1 "$PYTHON" -c "
import socket, sys
try: socket.create_connection(('10.213.0.12', 9), timeout=$1)
except ConnectionRefusedError: print('reached')
except OSError: print('dropped')
"; }
ip link add neuron-operator type bridge
ip link set neuron-operator up
for n in 1 2; do ip link set cable$n master neuron-operator up; done
echo "before $(reaches 1)"
call ensure_bridge
call ensure_bridge
echo "after $(reaches 10)"
echo "rules $(iptables -S FORWARD | grep -c neuron-operator)"
call remove_bridge
echo "left $(iptables -S | grep -c neuron-operator || true)"
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("iptables") or not Path("/proc/sys/net/bridge").exists(),
    reason="needs root, iptables and a kernel that filters bridges",
)
def test_nodes_reach_each_other_where_forwarding_is_dropped_and_no_rule_stays_behind() -> None:
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", _NETWORK],
        env={**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(_TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["before dropped", "after reached", "rules 2", "left 0"], done.stderr
