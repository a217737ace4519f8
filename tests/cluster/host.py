"""What a local cluster needs of the machine, and what it changes there: a bridge, routes and cgroups."""

import ipaddress
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from cluster import layout
from cluster.config import CNI_DIRECTORIES
from cluster.interface import Lacking
from cluster.layout import Node
from cluster.progress import step, until

_PACKAGES = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "docker-registry": "docker-registry",
    "ip": "iproute2",
    "nft": "nftables",
    "conntrack": "conntrack",
    "unshare": "util-linux",
    "mount": "mount",
    "hostname": "hostname",
}
_SEARCH_PATH = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"
_NEEDED_DISK_GIB = 10
_CGROUPS = Path("/sys/fs/cgroup")
# How a rule of ours is recognised among those of the machine.
_RULE_COMMENT = "neuron-operator"
_NO_SERVICES = "#!/bin/sh\n# Of neuron-operator's local cluster, while it installs packages.\nexit 101\n"

# Each line of the probe is a kernel feature; the first that fails is the one that is said to be missing.
_PROBES = (
    ("veth interfaces", "ip link add probe0 type veth peer name probe1"),
    ("bridges", "ip link add probe2 type bridge"),
    ("nftables", "nft add table ip probe"),
    ("overlayfs on the disk of {directory}", "mount -t overlay overlay -o {options} {directory}/merged"),
)


def check() -> None:
    """Raise Lacking if the machine cannot run a local cluster; what is not installed is not tried."""
    if sys.platform != "linux":
        raise Lacking("A local cluster needs Linux: set CLUSTER_PROVIDER=kind and start Docker.")
    if os.geteuid() != 0:
        raise Lacking("A local cluster makes namespaces and a bridge: run this as root, or start Docker.")
    packages = missing_packages()
    if packages and shutil.which("apt-get") is None:
        raise Lacking(f"Programs are missing: install what Debian calls {', '.join(packages)}.")
    state = layout.state_directory()
    existing = next(path for path in (state, *state.parents) if path.exists())
    free = shutil.disk_usage(existing).free / 2**30
    if free < _NEEDED_DISK_GIB:
        raise Lacking(
            f"Only {free:.0f} GiB free under {existing}: free {_NEEDED_DISK_GIB} GiB, or set XDG_STATE_HOME."
        )
    if not packages:
        _check_network()
        _check_kernel()


def missing_packages() -> list[str]:
    """Return the Debian packages whose programs are not on this machine."""
    missing = {
        package for name, package in _PACKAGES.items() if shutil.which(name, path=_SEARCH_PATH) is None
    }
    if not any(Path(directory, "ptp").exists() for directory in CNI_DIRECTORIES):
        missing.add("containernetworking-plugins")
    return sorted(missing)


def install_packages() -> None:
    """Install the missing Debian packages without starting their services, then check the kernel."""
    packages = missing_packages()
    if not packages:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists() or policy.read_text() == _NO_SERVICES
    with step(f"install {' '.join(packages)}"):
        try:
            if ours:
                # Debian's way to keep a package from starting its service.
                policy.write_text(_NO_SERVICES)
                policy.chmod(0o755)
            # A run that was killed half-way leaves packages unpacked and not configured.
            subprocess.run(["dpkg", "--configure", "-a"], env=environment, capture_output=True, check=False)
            for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
                done = subprocess.run(
                    ["apt-get", "-o", "DPkg::Lock::Timeout=600", *command],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                )
        finally:
            if ours:
                policy.unlink(missing_ok=True)
    if done.returncode != 0 or missing_packages():
        raise Lacking(
            f"apt-get could not install {', '.join(packages)}: install them by hand.\n{done.stderr}"
        )
    _check_network()
    _check_kernel()


def program(name: str) -> str:
    """Return the path of one of the machine's programs. Raises Lacking."""
    found = shutil.which(name, path=_SEARCH_PATH)
    if found is None:
        raise Lacking(f"{name} is missing: install it.")
    return found


def _check_network() -> None:
    ours = ipaddress.IPv4Network(layout.NETWORK)
    for route in json.loads(_ip("-json", "route", "show", "table", "all")):
        destination = route.get("dst", "default")
        if destination == "default" or route.get("dev") == layout.BRIDGE or ":" in destination:
            continue
        # A wider network is no hindrance: the more specific route wins.
        network = ipaddress.ip_network(destination, strict=False)
        if isinstance(network, ipaddress.IPv4Network) and network.subnet_of(ours):
            raise Lacking(
                f"{route.get('dev')} uses the cluster's network {layout.NETWORK}: take that link down."
            )


def _check_kernel() -> None:
    state = layout.state_directory()
    state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as directory:
        parts = {name: Path(directory, name) for name in ("lower", "upper", "work", "merged")}
        for path in parts.values():
            path.mkdir()
        options = f"lowerdir={parts['lower']},upperdir={parts['upper']},workdir={parts['work']}"
        unshare = [
            program("unshare"),
            "--mount",
            "--pid",
            "--uts",
            "--ipc",
            "--net",
            "--fork",
            "--mount-proc",
        ]
        if _run([*unshare, "true"]).returncode != 0:
            raise Lacking("The kernel gives no new namespaces: run this outside a container or sandbox.")
        for feature, command in _PROBES:
            probe = command.format(directory=directory, options=options)
            if _run([*unshare, "sh", "-c", probe]).returncode != 0:
                what = feature.format(directory=state)
                raise Lacking(f"The kernel lacks {what}: load the module or use another machine.")


def ensure_bridge() -> None:
    """Make the bridge that the nodes are plugged into, with the host's address on it."""
    if not _has_interface(layout.BRIDGE):
        _ip("link", "add", layout.BRIDGE, "type", "bridge")
    _ip("address", "replace", f"{layout.HOST_ADDRESS}/24", "dev", layout.BRIDGE)
    _ip("link", "set", layout.BRIDGE, "up")
    _let_through()


def _let_through() -> None:
    """Let pods of different nodes reach each other where something filters what a bridge forwards.

    A Docker engine does: it has bridged packets filtered and drops what no rule lets through, also after it
    has ended. Without a filter nothing is changed.
    """
    if not _filters_bridges():
        return
    for rule in _forwarding_rules():
        if _run([program("iptables"), "--wait", "--check", "FORWARD", *rule]).returncode != 0:
            done = _run([program("iptables"), "--wait", "--insert", "FORWARD", *rule])
            if done.returncode != 0:
                raise RuntimeError(
                    f"This machine drops what {layout.BRIDGE} forwards, and no rule could be added: "
                    f"{done.stderr.strip()}"
                )


def _filters_bridges() -> bool:
    filtered = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    return (
        filtered.exists()
        and filtered.read_text().strip() == "1"
        and shutil.which("iptables", path=_SEARCH_PATH) is not None
    )


def _forwarding_rules() -> list[list[str]]:
    marked = ["-m", "comment", "--comment", _RULE_COMMENT, "-j", "ACCEPT"]
    return [["-i", layout.BRIDGE, *marked], ["-o", layout.BRIDGE, *marked]]


def _remove_rules() -> None:
    if shutil.which("iptables", path=_SEARCH_PATH) is None:
        return
    for rule in _forwarding_rules():
        while _run([program("iptables"), "--wait", "--delete", "FORWARD", *rule]).returncode == 0:
            pass


def plug_in(node: Node, pid: int) -> None:
    """Lay a cable from the bridge into the namespace of process `pid`, and routes to the node's pods."""
    own = Path("/proc/self/ns/net").readlink()
    until(
        lambda: True if Path(f"/proc/{pid}/ns/net").readlink() != own else None,
        f"{node.name}'s own network namespace",
        seconds=10,
        interval=0.02,
    )
    inside = [program("nsenter"), f"--target={pid}", "--net", program("ip"), "link", "show", "dev", "eth0"]
    if _run(inside).returncode != 0:
        _ip("link", "add", node.interface, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    _ip("link", "set", node.interface, "master", layout.BRIDGE, "up")
    _ip("route", "replace", node.pods_cidr, "via", node.address, "dev", layout.BRIDGE)
    if node.index == 0:
        _ip("route", "replace", layout.SERVICES_CIDR, "via", node.address, "dev", layout.BRIDGE)


def unplug(node: Node) -> None:
    """Take the node's cable away.

    It goes with the namespace of a node that has ended, but that may take as long as its last connections.
    """
    if _has_interface(node.interface):
        _run([program("ip"), "link", "delete", node.interface])
    until(
        lambda: None if _has_interface(node.interface) else True, f"the end of {node.interface}", seconds=15
    )


def remove_bridge() -> None:
    """Remove the bridge, and with it the address, the routes and the rules that let it through."""
    _remove_rules()
    if _has_interface(layout.BRIDGE):
        _ip("link", "delete", layout.BRIDGE)


def ensure_cgroup(name: str) -> None:
    """Make the cgroup `name` in every hierarchy of the machine, usable for pods."""
    for hierarchy in _hierarchies():
        current = hierarchy
        for part in Path(name).parts:
            _delegate(current)
            current = current / part
            current.mkdir(exist_ok=True)
            _seed_cpuset(current)


def remove_cgroup(name: str) -> None:
    """Remove the cgroup `name` and what is below it; its processes must have ended."""
    for hierarchy in (*_hierarchies(), *_unified_beside_v1()):
        top = hierarchy / name
        if top.exists():
            until(lambda top=top: _remove_tree(top), f"the removal of the cgroup {top}", seconds=15)  # type: ignore[misc]


def remove_empty_mount_points() -> None:
    """Remove the directories that were made for nodes to mount over; one that holds something is not ours."""
    for point in layout.NODE_MOUNT_POINTS:
        path = Path(point)
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _remove_tree(top: Path) -> bool | None:
    try:
        for directory, _, _ in os.walk(top, topdown=False):
            Path(directory).rmdir()
    except OSError:
        return None
    return True


def _hierarchies() -> list[Path]:
    if (_CGROUPS / "cgroup.controllers").exists():
        return [_CGROUPS]
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted({Path(mount[1]) for mount in mounts if mount[2] == "cgroup"})


def _unified_beside_v1() -> list[Path]:
    unified = _CGROUPS / "unified"
    return [unified] if unified.exists() else []


def _delegate(parent: Path) -> None:
    controllers = parent / "cgroup.controllers"
    if controllers.exists():
        for controller in controllers.read_text().split():
            try:
                (parent / "cgroup.subtree_control").write_text(f"+{controller}")
            except OSError:
                continue  # The kubelet says which controller it misses.


def _seed_cpuset(cgroup: Path) -> None:
    for name in ("cpuset.cpus", "cpuset.mems"):
        own, parent = cgroup / name, cgroup.parent / name
        if (cgroup / "cpuset.cpu_exclusive").exists() and not own.read_text().strip():
            own.write_text(parent.read_text())


def _has_interface(name: str) -> bool:
    """Ask the kernel: /sys shows the network namespace that it was mounted in, which may be another one."""
    try:
        socket.if_nametoindex(name)
    except OSError:
        return False
    return True


def _ip(*arguments: str) -> str:
    done = _run([program("ip"), *arguments])
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PATH": _SEARCH_PATH}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
