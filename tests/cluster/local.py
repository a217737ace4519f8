"""A cluster of this machine's own, without Docker: the control plane on the host, each node in namespaces."""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster import addons, certificates, config, host, images, layout, tools
from cluster.interface import Cluster, Manifest, Provider
from cluster.kubectl import Kubectl
from cluster.layout import NODES, REGISTRY, Files, Node
from cluster.processes import Processes
from cluster.progress import step, until

_TOOLS = (
    tools.KUBERNETES,
    tools.METRICS_SERVER,
    tools.COREDNS,
    tools.DEVICE_PLUGIN,
    tools.PAUSE,
    tools.HELM,
)
_READY_SECONDS = 180.0


class LocalProvider(Provider):
    """Kubernetes from its Go modules, etcd, containerd and runc from Debian, one bridge between them."""

    name = "local"

    def __init__(self) -> None:
        self._files = Files(layout.state_directory() / "cluster")
        self._processes = Processes(self._files.root, self._files.logs)

    def check(self) -> None:
        """Raise Lacking if this is no Linux with root, the kernel's features, Go, packages or disk."""
        host.check()
        if any(not tools.path(tool).exists() for tool in _TOOLS):
            tools.check_go()

    def up(self) -> Cluster:
        """Return the running cluster. One that cannot be repaired is removed and made anew."""
        self.check()
        host.install_packages()
        for tool in _TOOLS:
            tools.build(tool)
        with self._locked():
            self._start_or_repair()
        return self._cluster()

    def down(self) -> None:
        """Remove the cluster: processes, interfaces, cgroups, directories and data."""
        with self._locked(), step("remove the cluster"):
            self._remove()

    def status(self) -> dict[str, str]:
        """Return what runs, by the names of the logs, and what the nodes say of themselves."""
        commands = {**self._control_plane(), **{node.name: self._node_command(node) for node in NODES}}
        running = self._processes.running()
        parts = {}
        for name, command in commands.items():
            if name not in running:
                parts[name] = "not running"
            elif self._processes.is_outdated(name, command):
                parts[name] = f"running as {running[name]}, started by another version of this program"
            else:
                parts[name] = f"running as {running[name]}"
        nodes = {f"{name} in the API": f"ready: {state}" for name, state in _states(self._kubectl()).items()}
        return {**parts, **nodes}

    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self._files.kubeconfig

    @contextmanager
    def without_controllers(self) -> Iterator[None]:
        """Let the controller manager stand still: what is written stays as it was written."""
        with self._processes.paused("kube-controller-manager"):
            yield

    def logs(self) -> list[Path]:
        """Return the logs of the control plane and of each node's parts."""
        nodes = [self._files.node(node) / "logs" for node in NODES]
        return sorted(path for directory in (self._files.logs, *nodes) for path in directory.glob("*.log"))

    def _start_or_repair(self) -> None:
        remedies: list[tuple[str, Callable[[], None]]] = [
            ("start what has ended", lambda: None),
            ("restart what could not be repaired", self._processes.kill_all),
            ("remove what could not be restarted", self._remove_all_but_images),
        ]
        if not self._files.kubeconfig.exists():
            remedies.clear()
        while True:
            try:
                return self._start()
            except RuntimeError as error:
                if not remedies:
                    raise
                name, remedy = remedies.pop(0)
                with step(f"{name} ({error})"):
                    remedy()

    def _start(self) -> None:
        host.ensure_bridge()
        kubectl = self._kubectl()
        with step("start the registry and the control plane"):
            self._write_control_plane()
            for name, command in self._control_plane().items():
                self._processes.ensure(name, command)
                if name == "kube-apiserver":
                    self._until(lambda: kubectl.succeeds("get", "--raw", "/readyz"), "a ready API server")
            self._until(lambda: images.answers(REGISTRY), "an answer of the registry")
        with step(f"start {len(NODES)} nodes"):
            for node in NODES:
                self._start_node(node)
            self._until(lambda: _are_ready(kubectl, NODES), "the readiness of the nodes")
        with step("start DNS, metrics and the device plugin"):
            if not addons.are_ready(kubectl):
                self._apply_addons()
            self._until(lambda: addons.are_ready(kubectl), "the readiness of what runs in kube-system")
            self._until(lambda: _are_ready(kubectl, NODES), "the readiness of the nodes")

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for the condition. Raises RuntimeError at once if a process that runs now ends meanwhile."""
        names = list(self._processes.running())

        def holds() -> bool | None:
            for name in names:
                self._processes.first(name)
            return condition() or None

        until(holds, what, _READY_SECONDS)

    def _control_plane(self) -> dict[str, list[str]]:
        """Return the commands of the host's processes, in the order in which they start."""
        files = self._files
        return {
            "docker-registry": [host.program("docker-registry"), "serve", str(files.config("registry.yaml"))],
            "etcd": [host.program("etcd"), *config.etcd(files)],
            "kube-apiserver": [_kubernetes("kube-apiserver"), *config.apiserver(files)],
            "kube-controller-manager": [
                _kubernetes("kube-controller-manager"),
                *config.controller_manager(files),
            ],
            "kube-scheduler": [_kubernetes("kube-scheduler"), *config.scheduler(files)],
        }

    def _node_command(self, node: Node) -> list[str]:
        directory = self._files.node(node)
        return [
            host.program("unshare"),
            *("--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--mount-proc", "--kill-child"),
            *("bash", str(directory / "init.sh"), node.name, str(directory)),
            *(str(tools.path(tools.KUBERNETES).parent), " ".join(layout.NODE_MOUNT_POINTS)),
            *config.kubelet_arguments(node, self._files),
        ]

    def _start_node(self, node: Node) -> None:
        self._processes.ensure(node.name, self._node_command(node), lambda: self._prepare_node(node))
        host.plug_in(node, self._processes.first(node.name))

    def _prepare_node(self, node: Node) -> None:
        """Write the node's files, and take away what is left of it: its cable, cgroups and readiness."""
        self._write_node(node, addons.push(tools.PAUSE, REGISTRY))
        for point in layout.NODE_MOUNT_POINTS:
            Path(point).mkdir(parents=True, exist_ok=True)
        host.unplug(node)
        # A kubelet waits a few seconds for each cgroup of a pod that is no more.
        host.remove_cgroup(node.cgroup)
        host.ensure_cgroup(node.cgroup)
        kubectl = self._kubectl()
        if kubectl.succeeds("get", "node", node.name):
            ready = {"type": "Ready", "status": "Unknown", "reason": "NodeStarting"}
            patch = json.dumps({"status": {"conditions": [ready]}})
            kubectl.run("patch", "node", node.name, "--subresource=status", f"--patch={patch}")

    def _write_control_plane(self) -> None:
        files = self._files
        files.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        pki = files.certificates
        authority = certificates.authority(pki, "ca")
        front = certificates.authority(pki, "front-proxy-ca")
        hosts = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
        hosts.append("kubernetes.default.svc.cluster.local")
        certificates.server(authority, "apiserver", hosts, [layout.HOST_ADDRESS, layout.API_SERVICE_ADDRESS])
        certificates.signing_key(pki / "service-account.key")
        certificates.client(front, "front-proxy-client", "front-proxy-client")
        certificates.client(authority, "apiserver-kubelet-client", "kube-apiserver", ["system:masters"])
        for component in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
            pair = certificates.client(authority, component, f"system:{component}")
            _write(files.config(f"{component}.kubeconfig"), config.kubeconfig(authority.certificate, pair))
        admin = certificates.client(authority, "admin", "kubernetes-admin", ["system:masters"])
        _write(files.config("registry.yaml"), config.registry(files))
        _write(files.config("audit-policy.yaml"), config.audit_policy())
        _write(files.kubeconfig, config.kubeconfig(authority.certificate, admin))

    def _write_node(self, node: Node, pause_image: str) -> None:
        directory = self._files.node(node)
        authority = certificates.authority(self._files.certificates, "ca")
        pair = certificates.client(authority, node.name, f"system:node:{node.name}", ["system:nodes"])
        (directory / "logs").mkdir(parents=True, exist_ok=True)
        for name, text in {
            "init.sh": Path(__file__).with_name("node.sh").read_text(),
            "kernel-settings.sh": Path(__file__).with_name("kernel-settings.sh").read_text(),
            "kubeconfig": config.kubeconfig(authority.certificate, pair),
            "kubelet.yaml": config.kubelet(node, self._files),
            "kube-proxy.yaml": config.kube_proxy(node, self._files),
            "containerd.toml": config.containerd(directory, pause_image),
            f"registries/{REGISTRY}/hosts.toml": config.registry_host(REGISTRY),
            "cni/10-pods.conflist": config.cni(node),
            "network": config.network(node, NODES),
            "resolv.conf": "",
        }.items():
            _write(directory / name, text)

    def _apply_addons(self) -> None:
        kubectl = self._kubectl()
        dns = addons.push(tools.COREDNS, REGISTRY)
        metrics = addons.push(tools.METRICS_SERVER, REGISTRY)
        plugin = addons.push(tools.DEVICE_PLUGIN, REGISTRY)
        devices = max(node.devices for node in NODES)
        kubectl.apply(
            [
                *addons.manifests("coredns", image=dns, dns_address=layout.DNS_ADDRESS),
                *addons.manifests("metrics-server", image=metrics),
                *addons.manifests("device-plugin", image=plugin, devices=str(devices)),
            ]
        )

    def _remove(self) -> None:
        self._remove_all_but_images()
        if self._files.root.exists():
            shutil.rmtree(self._files.root)

    def _remove_all_but_images(self) -> None:
        self._processes.kill_all()
        for node in NODES:
            host.unplug(node)
        host.remove_bridge()
        host.remove_cgroup(layout.CGROUP)
        host.remove_empty_mount_points()
        for path in self._files.root.glob("*"):
            if path.is_dir() and path != self._files.images:
                shutil.rmtree(path)
            elif not path.is_dir():
                path.unlink()

    def _cluster(self) -> Cluster:
        return Cluster(
            kubeconfig=self._files.kubeconfig,
            registry=REGISTRY,
            insecure_registry=True,
            helm=tools.path(tools.HELM),
            kubectl=tools.path(tools.KUBERNETES).with_name("kubectl"),
            audit_log=self._files.audit_log,
            _volume=self._volume,
        )

    def _volume(self, name: str, namespace: str, size: str) -> list[Manifest]:
        directory = self._files.volumes / f"{namespace}-{name}"
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o777)
        return addons.shared_volume(directory, name, namespace, size)

    def _kubectl(self) -> Kubectl:
        return Kubectl(tools.path(tools.KUBERNETES).with_name("kubectl"), self._files.kubeconfig)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time change the cluster; the lock ends with its process."""
        lock = self._files.root.with_suffix(".lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _states(kubectl: Kubectl) -> dict[str, str]:
    """Return what the condition Ready of each node says: True, False or Unknown."""
    return {
        node["metadata"]["name"]: condition["status"]
        for node in kubectl.items("nodes")
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    }


def _are_ready(kubectl: Kubectl, nodes: tuple[Node, ...]) -> bool:
    states = _states(kubectl)
    return all(states.get(node.name) == "True" for node in nodes)


def _kubernetes(program: str) -> str:
    return str(tools.path(tools.KUBERNETES).with_name(program))


def _write(path: Path, text: str) -> None:
    """Write the file, unless it holds that text."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
