"""What the parts of a local cluster are told: pure functions from the layout to command lines and files."""

import base64
import json
from pathlib import Path
from typing import Any

import yaml

from cluster import layout
from cluster.certificates import Pair
from cluster.layout import Files, Node

API_URL = f"https://{layout.HOST_ADDRESS}:{layout.API_PORT}"
# As quick as the metrics are: metrics-server reads them every 10 s.
QUICK_AUTOSCALING_ARGUMENTS = {"horizontal-pod-autoscaler-sync-period": "5s"}
CNI_DIRECTORIES = ("/usr/lib/cni", "/opt/cni/bin")


def kubeconfig(authority: Path, client: Pair) -> str:
    """Return a kubeconfig that carries the client's certificate and key."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "neuron-operator",
            "clusters": [
                {
                    "name": "neuron-operator",
                    "cluster": {"server": API_URL, "certificate-authority-data": _encoded(authority)},
                }
            ],
            "users": [
                {
                    "name": client.name,
                    "user": {
                        "client-certificate-data": _encoded(client.certificate),
                        "client-key-data": _encoded(client.key),
                    },
                }
            ],
            "contexts": [
                {"name": "neuron-operator", "context": {"cluster": "neuron-operator", "user": client.name}}
            ],
        }
    )


def etcd(files: Files) -> list[str]:
    """Return etcd's arguments: one member on a loopback address of its own."""
    clients = f"http://{layout.LOOPBACK}:{layout.ETCD_PORT}"
    peers = f"http://{layout.LOOPBACK}:{layout.ETCD_PORT + 1}"
    return [
        "--name=default",
        f"--data-dir={files.root / 'etcd'}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--auto-compaction-retention=1h",
        "--quota-backend-bytes=4294967296",
    ]


def registry(files: Files) -> str:
    """Return the registry's configuration."""
    return yaml.safe_dump(
        {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(files.images)},
                "delete": {"enabled": True},
            },
            "http": {"addr": layout.REGISTRY},
        }
    )


def audit_policy() -> str:
    """Return the audit policy: one line per finished request, without bodies; leases and events are noise."""
    return yaml.safe_dump(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived", "ResponseStarted"],
            "rules": [
                {"level": "None", "users": ["system:apiserver"]},
                {"level": "None", "userGroups": ["system:nodes"]},
                {"level": "Metadata"},
            ],
        }
    )


def apiserver(files: Files) -> list[str]:
    """Return the API server's arguments."""
    pki = files.certificates
    return [
        f"--etcd-servers=http://{layout.LOOPBACK}:{layout.ETCD_PORT}",
        f"--bind-address={layout.HOST_ADDRESS}",
        f"--advertise-address={layout.HOST_ADDRESS}",
        f"--secure-port={layout.API_PORT}",
        f"--service-cluster-ip-range={layout.SERVICES_CIDR}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--enable-aggregator-routing=true",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        f"--client-ca-file={pki}/ca.crt",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki}/service-account.key",
        f"--service-account-signing-key-file={pki}/service-account.key",
        f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={pki}/front-proxy-client.key",
        f"--audit-policy-file={files.config('audit-policy.yaml')}",
        f"--audit-log-path={files.audit_log}",
        "--audit-log-maxsize=200",
        "--audit-log-maxbackup=1",
    ]


def controller_manager(files: Files) -> list[str]:
    """Return the controller manager's arguments."""
    pki = files.certificates
    return [
        f"--kubeconfig={files.config('kube-controller-manager.kubeconfig')}",
        f"--bind-address={layout.LOOPBACK}",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--root-ca-file={pki}/ca.crt",
        f"--service-account-private-key-file={pki}/service-account.key",
        f"--cluster-signing-cert-file={pki}/ca.crt",
        f"--cluster-signing-key-file={pki}/ca.key",
        *(f"--{name}={value}" for name, value in QUICK_AUTOSCALING_ARGUMENTS.items()),
    ]


def scheduler(files: Files) -> list[str]:
    """Return the scheduler's arguments."""
    return [
        f"--kubeconfig={files.config('kube-scheduler.kubeconfig')}",
        f"--bind-address={layout.LOOPBACK}",
        "--leader-elect=false",
    ]


def containerd(directory: Path, pause_image: str) -> str:
    """Return a node's containerd configuration; JSON strings are TOML strings."""
    plugin = '[plugins."io.containerd.grpc.v1.cri"'
    cni = next((path for path in CNI_DIRECTORIES if Path(path, "ptp").exists()), CNI_DIRECTORIES[0])
    return "\n".join(
        [
            "version = 2",
            f"root = {json.dumps(str(directory / 'containerd'))}",
            'state = "/run/containerd"',
            '[grpc]\naddress = "/run/containerd/containerd.sock"',
            f"{plugin}]\nsandbox_image = {json.dumps(pause_image)}",
            # A machine may lack CAP_SYS_RESOURCE, without which a pod's score cannot be below containerd's.
            "restrict_oom_score_adj = true",
            f'{plugin}.containerd]\ndefault_runtime_name = "runc"',
            f'{plugin}.containerd.runtimes.runc]\nruntime_type = "io.containerd.runc.v2"',
            f"{plugin}.containerd.runtimes.runc.options]\nSystemdCgroup = false",
            f"{plugin}.cni]\nbin_dir = {json.dumps(cni)}\nconf_dir = {json.dumps(str(directory / 'cni'))}",
            f"{plugin}.registry]\nconfig_path = {json.dumps(str(directory / 'registries'))}",
            "",
        ]
    )


def registry_host(registry: str) -> str:
    """Return the hosts.toml that lets containerd pull from the registry over plain HTTP."""
    return f'server = "http://{registry}"\n[host."http://{registry}"]\ncapabilities = ["pull", "resolve"]\n'


def cni(node: Node) -> str:
    """Return the node's pod network: each pod on its own routed cable, addresses from the node's range."""
    return json.dumps(
        {
            "cniVersion": "0.4.0",
            "name": "pods",
            "plugins": [
                {
                    "type": "ptp",
                    "ipMasq": False,
                    "ipam": {
                        "type": "host-local",
                        "ranges": [[{"subnet": node.pods_cidr}]],
                        "routes": [{"dst": "0.0.0.0/0"}],
                        # On the node's own tmpfs: a node that starts anew has no pod yet.
                        "dataDir": "/run/cni",
                    },
                }
            ],
        }
    )


def network(node: Node, nodes: tuple[Node, ...]) -> str:
    """Return what `ip -batch` does in a node whose cable is plugged in."""
    others = [other for other in nodes if other != node]
    return "\n".join(
        [
            "link set lo up",
            "link set eth0 up",
            f"address add {node.address}/24 dev eth0",
            *(f"route add {other.pods_cidr} via {other.address}" for other in others),
            f"route add {layout.SERVICES_CIDR} dev eth0",
            # What lies outside the cluster is refused at once instead of timing out.
            "route add unreachable default",
            "",
        ]
    )


def kubelet(node: Node, files: Files) -> str:
    """Return the node's kubelet configuration."""
    config: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(files.certificates / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "address": node.address,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [layout.DNS_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": str(files.node(node) / "resolv.conf"),
        "serializeImagePulls": False,
        "maxParallelImagePulls": 3,
        # The disk is the host's: how full it is says nothing about this node.
        "evictionHard": {
            "memory.available": "50Mi",
            "nodefs.available": "100Mi",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "100Mi",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "nodeStatusUpdateFrequency": "5s",
    }
    return yaml.safe_dump(config)


def kube_proxy(node: Node, files: Files) -> str:
    """Return the node's kube-proxy configuration."""
    return yaml.safe_dump(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clientConnection": {"kubeconfig": str(files.config("kube-proxy.kubeconfig"))},
            "hostnameOverride": node.name,
            "clusterCIDR": layout.PODS_CIDR,
            # The conntrack table belongs to the whole machine and cannot be sized from a node.
            "conntrack": {"maxPerCore": 0, "min": 0},
        }
    )


def kubelet_arguments(node: Node, files: Files) -> list[str]:
    """Return the node's kubelet's arguments: what its configuration file cannot say."""
    directory = files.node(node)
    arguments = [
        f"--config={directory / 'kubelet.yaml'}",
        f"--kubeconfig={directory / 'kubeconfig'}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
    ]
    if node.labels:
        labels = ",".join(f"{key}={value}" for key, value in sorted(node.labels.items()))
        arguments.append(f"--node-labels={labels}")
    return arguments


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
