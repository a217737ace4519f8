"""A cluster of this machine's own, without Docker: the control plane on the host, each node in namespaces."""

import fcntl
import json
import shutil
from collections.abc import Iterator
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
    tools.KUBECONFORM,
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
            existed = self._files.kubeconfig.exists()
            try:
                self._start()
            except RuntimeError as error:
                if not existed:
                    raise
                with step(f"remove the cluster, which could not be repaired ({error})"):
                    self._remove()
                self._start()
        return self._cluster()

    def down(self) -> None:
        """Remove the cluster: processes, interfaces, cgroups, directories and data."""
        with self._locked(), step("remove the cluster"):
            self._remove()

    def status(self) -> dict[str, str]:
        """Return what runs, by the names of the logs, and what the nodes say of themselves."""
        running = self._processes.running()
        parts = {name: f"running as {min(pids)}" for name, pids in running.items()}
        missing = {name: "not running" for name in self._names() if name not in running}
        nodes = {}
        if "kube-apiserver" in running:
            listed = self._kubectl().run("get", "nodes", "--no-headers").splitlines()
            nodes = {f"{line.split()[0]} in the API": line.split()[1] for line in listed}
        return dict(sorted({**parts, **missing, **nodes}.items()))

    def kubeconfig(self) -> Path:
        """Return the administrator's kubeconfig."""
        return self._files.kubeconfig

    def logs(self) -> list[Path]:
        """Return the logs of the control plane and of each node's parts."""
        nodes = [self._files.node(node) / "logs" for node in NODES]
        return sorted(path for directory in (self._files.logs, *nodes) for path in directory.glob("*.log"))

    def _start(self) -> None:
        files = self._files
        host.ensure_bridge()
        self._write_control_plane()
        with step("start the registry and the control plane"):
            registry = files.config("registry.yaml")
            self._ensure(
                "docker-registry", [host.program("docker-registry"), "serve", str(registry)], registry
            )
            self._ensure("etcd", [host.program("etcd"), *config.etcd(files)])
            until(lambda: images.answers(REGISTRY) or None, "an answer of the registry", seconds=20)
            pause = addons.push(tools.PAUSE, REGISTRY)
            audit = files.config("audit-policy.yaml")
            self._ensure("kube-apiserver", [_kubernetes("kube-apiserver"), *config.apiserver(files)], audit)
            self._until_served()
            for name, arguments in (
                ("kube-controller-manager", config.controller_manager(files)),
                ("kube-scheduler", config.scheduler(files)),
            ):
                self._ensure(name, [_kubernetes(name), *arguments])
        with step(f"start {len(NODES)} nodes"):
            for node in NODES:
                self._start_node(node, pause)
            self._until_nodes_ready()
        with step("start DNS, metrics and the device plugin"):
            self._apply_addons()
            addons.wait_until_ready(self._kubectl(), _READY_SECONDS)

    def _ensure(self, name: str, command: list[str], *configuration: Path) -> bool:
        return self._processes.ensure(name, command, [path.read_text() for path in configuration])

    def _until_served(self) -> None:
        kubectl = self._kubectl()

        def served() -> bool | None:
            self._processes.first("etcd")
            self._processes.first("kube-apiserver")
            return True if kubectl.succeeds("get", "--raw", "/readyz") else None

        until(served, "the readiness of the API server", _READY_SECONDS)

    def _until_nodes_ready(self) -> None:
        kubectl = self._kubectl()
        wanted = {node.name for node in NODES}

        def ready() -> bool | None:
            for node in NODES:
                self._processes.first(node.name)
            listed = kubectl.run("get", "nodes", "--no-headers").splitlines()
            return (
                True if wanted <= {line.split()[0] for line in listed if line.split()[1] == "Ready"} else None
            )

        until(ready, "the readiness of the nodes", _READY_SECONDS)

    def _start_node(self, node: Node, pause_image: str) -> None:
        directory = self._files.node(node)
        written = self._write_node(node, directory, pause_image)
        host.ensure_cgroup(node.cgroup)
        for point in layout.NODE_MOUNT_POINTS:
            Path(point).mkdir(parents=True, exist_ok=True)
        init = Path(__file__).with_name("node.sh")
        command = [
            host.program("unshare"),
            *("--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--mount-proc", "--kill-child"),
            *("bash", str(init), node.name, str(directory)),
            *(str(tools.path(tools.KUBERNETES).parent), " ".join(layout.NODE_MOUNT_POINTS)),
            *config.kubelet_arguments(node, self._files),
        ]
        if self._ensure(node.name, command, init, *written):
            self._forget_readiness(node)
        host.plug_in(node, self._processes.first(node.name))

    def _forget_readiness(self, node: Node) -> None:
        """Take back what the API says of a node that starts anew, before its kubelet says how it is."""
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

    def _write_node(self, node: Node, directory: Path, pause_image: str) -> list[Path]:
        authority = certificates.authority(self._files.certificates, "ca")
        pair = certificates.client(authority, node.name, f"system:node:{node.name}", ["system:nodes"])
        (directory / "logs").mkdir(parents=True, exist_ok=True)
        files = {
            "kubeconfig": config.kubeconfig(authority.certificate, pair),
            "kubelet.yaml": config.kubelet(node, self._files),
            "kube-proxy.yaml": config.kube_proxy(node, self._files),
            "containerd.toml": config.containerd(directory, pause_image),
            f"registries/{REGISTRY}/hosts.toml": config.registry_host(REGISTRY),
            "cni/10-pods.conflist": config.cni(node),
            "network": config.network(node, NODES),
            "resolv.conf": "",
        }
        for name, text in files.items():
            _write(directory / name, text)
        return [directory / name for name in files]

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
        self._processes.kill_all()
        for node in NODES:
            host.unplug(node)
        host.remove_bridge()
        host.remove_cgroup(layout.CGROUP)
        host.remove_empty_mount_points()
        if self._files.root.exists():
            shutil.rmtree(self._files.root)

    def _cluster(self) -> Cluster:
        return Cluster(
            kubeconfig=self._files.kubeconfig,
            registry=REGISTRY,
            insecure_registry=True,
            helm=tools.path(tools.HELM),
            kubectl=tools.path(tools.KUBERNETES).with_name("kubectl"),
            kubeconform=tools.path(tools.KUBECONFORM),
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

    def _names(self) -> list[str]:
        control = ["docker-registry", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
        return [*control, *(node.name for node in NODES)]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time change the cluster; the lock ends with its process."""
        lock = self._files.root.with_suffix(".lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _kubernetes(program: str) -> str:
    return str(tools.path(tools.KUBERNETES).with_name(program))


def _write(path: Path, text: str) -> None:
    """Write the file, unless it holds that text: kube-proxy ends when its configuration is touched."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
