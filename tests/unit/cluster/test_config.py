"""What the parts of a cluster are told."""

import ipaddress
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from cluster import certificates, config, kind, kindimages, layout, tools
from cluster.kindimages import KindImages
from cluster.layout import INSTANCE_TYPE, NODES, Files, Node


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_kubeconfig_names_the_server_and_a_client_of_the_same_authority(tmp_path: Path) -> None:
    authority = certificates.authority(tmp_path, "ca")
    admin = certificates.client(authority, "admin", "kubernetes-admin", ["system:masters"])
    written = yaml.safe_load(config.kubeconfig(authority.certificate, admin))
    context = written["contexts"][0]["context"]
    assert written["current-context"] == written["contexts"][0]["name"]
    assert written["clusters"][0]["cluster"]["server"] == "https://10.213.0.1:6443"
    assert context == {"cluster": written["clusters"][0]["name"], "user": written["users"][0]["name"]}


def test_nodes_pods_and_services_share_no_address_and_lie_in_one_network() -> None:
    parts = [layout.NODES_CIDR, layout.SERVICES_CIDR, *(node.pods_cidr for node in NODES)]
    networks = [ipaddress.ip_network(part) for part in parts]
    whole = ipaddress.IPv4Network(layout.NETWORK)
    assert all(
        isinstance(network, ipaddress.IPv4Network) and network.subnet_of(whole) for network in networks
    )
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)


def test_interface_names_are_short_enough_for_the_kernel() -> None:
    assert all(len(name) <= 15 for name in (layout.BRIDGE, *(node.interface for node in NODES)))


def test_one_node_advertises_a_device_and_says_its_instance_type() -> None:
    assert [(node.name, node.devices, node.labels) for node in NODES] == [
        ("node-0", 0, {}),
        ("node-1", 1, {INSTANCE_TYPE: "inf2.xlarge"}),
    ]


def test_a_node_reaches_the_pods_of_every_other_node(files: Files) -> None:
    nodes = (Node(0), Node(1), Node(2))
    routes = config.network(nodes[1], nodes)
    assert "route add 10.213.64.0/24 via 10.213.0.10" in routes
    assert "route add 10.213.66.0/24 via 10.213.0.12" in routes
    assert nodes[1].pods_cidr not in routes


def test_containerd_pulls_over_http_and_keeps_its_data_with_the_node(tmp_path: Path) -> None:
    written = tomllib.loads(config.containerd(tmp_path, "10.213.0.1:5000/cluster/pause:1"))
    plugin = written["plugins"]["io.containerd.grpc.v1.cri"]
    assert written["root"] == str(tmp_path / "containerd")
    assert plugin["sandbox_image"] == "10.213.0.1:5000/cluster/pause:1"
    assert plugin["registry"]["config_path"] == str(tmp_path / "registries")
    hosts = tomllib.loads(config.registry_host("10.213.0.1:5000"))
    assert list(hosts["host"]) == ["http://10.213.0.1:5000"]


def test_the_kubelet_answers_nobody_unknown(files: Files) -> None:
    written = yaml.safe_load(config.kubelet(NODES[0], files))
    assert written["authentication"]["anonymous"] == {"enabled": False}
    assert written["authorization"] == {"mode": "Webhook"}


def test_labels_are_given_to_the_kubelet_of_their_node_alone(files: Files) -> None:
    label = f"--node-labels={INSTANCE_TYPE}=inf2.xlarge"
    assert [label in config.kubelet_arguments(node, files) for node in NODES] == [False, True]


def test_pods_get_addresses_of_their_node(files: Files) -> None:
    ipam = json.loads(config.cni(NODES[1]))["plugins"][0]["ipam"]
    assert ipam["ranges"] == [[{"subnet": "10.213.65.0/24"}]]


@pytest.fixture(params=[True, False], ids=["made here", "Docker Hub's"])
def chosen(request: pytest.FixtureRequest) -> KindImages:
    return KindImages("node:1", "registry:1", made_here=request.param)


def test_a_kind_cluster_has_the_same_workers_and_one_volume_directory(
    tmp_path: Path, chosen: KindImages
) -> None:
    nodes = kind.cluster_config(tmp_path, chosen)["nodes"]
    assert [node["role"] for node in nodes] == ["control-plane", "worker", "worker"]
    assert [node["labels"] for node in nodes[1:]] == [node.labels for node in NODES]
    assert {node["image"] for node in nodes} == {"node:1"}
    assert all(
        str(tmp_path / "volumes") in {mount["hostPath"] for mount in node["extraMounts"]} for node in nodes
    )


def test_a_kind_clusters_api_server_writes_its_audit_log_where_the_host_reads_it(
    tmp_path: Path, chosen: KindImages
) -> None:
    written = kind.cluster_config(tmp_path, chosen)
    (audit,) = [m for m in written["nodes"][0]["extraMounts"] if m["hostPath"] == str(tmp_path / "audit")]
    cluster, kubelet = map(yaml.safe_load, written["kubeadmConfigPatches"])
    arguments = {each["name"]: each["value"] for each in cluster["apiServer"]["extraArgs"]}
    assert arguments["audit-log-path"] == f"{audit['containerPath']}/audit.log"
    assert kubelet["failCgroupV1"] is False


def test_no_part_of_a_kind_cluster_ends_because_the_machine_is_slow(
    tmp_path: Path, chosen: KindImages
) -> None:
    cluster, _ = map(yaml.safe_load, kind.cluster_config(tmp_path, chosen)["kubeadmConfigPatches"])
    for part in ("controllerManager", "scheduler"):
        arguments = {each["name"]: each["value"] for each in cluster[part]["extraArgs"]}
        assert arguments["leader-elect"] == "false"


def test_kinds_nodes_run_the_minor_version_of_kubernetes_that_the_tests_pin() -> None:
    minor = tools.kubernetes_version().rpartition(".")[0]
    assert kindimages.HUB_NODE.startswith(f"kindest/node:{minor}.")
    for image in (kindimages.HUB_NODE, kindimages.HUB_REGISTRY):
        assert re.search(r"@sha256:[0-9a-f]{64}$", image)
