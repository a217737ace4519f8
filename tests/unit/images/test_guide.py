"""The files that docs/eks.md leads through fit together."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from imagebuild.families import read
from neuron_contract.families import FAMILY_OF_TARGET
from neuron_contract.instances import DEFAULT_DISK_GIB, INSTANCES, memory_for_one_pod
from neuron_operator.reading import quantities

_ROOT = Path(__file__).resolve().parents[3]
_GUIDE = (_ROOT / "docs/eks.md").read_text()
_FILES = _ROOT / "examples/eks"


def objects(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((_FILES / name).read_text()))


def test_every_file_that_the_guide_names_is_there() -> None:
    named = re.findall(r"\]\(\.\./([^)#]+)\)", _GUIDE) + re.findall(r"\bexamples/[\w./-]+\w", _GUIDE)
    assert len(named) > 8
    assert [name for name in named if not (_ROOT / name).exists()] == []


def test_neuron_nodes_repel_what_the_charts_pods_tolerate_and_have_room_for_the_images() -> None:
    values = yaml.safe_load((_ROOT / "charts/neuron-operator/values.yaml").read_text())
    (tolerated,) = values["placement"]["inf2"]["tolerations"]
    (group,) = [each for each in objects("cluster.yaml")[0]["managedNodeGroups"] if "taints" in each]
    (node_class, pool) = objects("karpenter.yaml")
    for taints in (group["taints"], pool["spec"]["template"]["spec"]["taints"]):
        assert [(each["key"], each["effect"]) for each in taints] == [(tolerated["key"], tolerated["effect"])]
    assert group["volumeSize"] >= 100
    (disk,) = node_class["spec"]["blockDeviceMappings"]
    assert disk["ebs"]["volumeSize"] == "100Gi"


def test_one_node_of_the_cluster_repels_nothing() -> None:
    groups = objects("cluster.yaml")[0]["managedNodeGroups"]
    assert [each["name"] for each in groups if "taints" not in each and each["minSize"] > 0] == ["ordinary"]


def test_the_addons_that_the_guide_relies_on_are_installed() -> None:
    names = {each["name"] for each in objects("cluster.yaml")[0]["addons"]}
    assert {"aws-efs-csi-driver", "metrics-server", "eks-pod-identity-agent"} <= names


def test_the_policy_reads_and_does_no_more() -> None:
    statements = json.loads((_FILES / "models-policy.json").read_text())["Statement"]
    assert {action for each in statements for action in each["Action"]} == {"s3:ListBucket", "s3:GetObject"}


def test_a_repository_is_made_for_every_image_that_is_pushed() -> None:
    (names,) = re.findall(r"for name in ([\w ]+); do aws ecr", _GUIDE)
    pushed = {"operator", *read(_ROOT, "cpu").images, *read(_ROOT, "neuronx").images}
    assert pushed <= set(names.split())


def test_what_the_chart_asks_for_fits_the_smallest_node_of_every_target() -> None:
    resources = yaml.safe_load((_ROOT / "charts/neuron-operator/values.yaml").read_text())["resources"]
    for target, family in FAMILY_OF_TARGET.items():
        if family == "cpu":
            continue
        least = min(
            (each for each in INSTANCES.values() if each.target == target), key=lambda each: each.memory
        )
        for kind in ("compile", "serving"):
            asked = resources[kind][family]["requests"]
            assert quantities.parse(asked["memory"]) <= memory_for_one_pod(least) * 2**20, (target, kind)
            assert quantities.parse(asked["cpu"]) * 1000 < least.millicpus, (target, kind)
            assert quantities.parse(asked["ephemeral-storage"]) <= DEFAULT_DISK_GIB * 2**30, (target, kind)
            limit = resources[kind][family]["limits"]["memory"]
            named = least if target != "inf1" else INSTANCES["inf1.2xlarge"]
            assert quantities.parse(limit) <= memory_for_one_pod(named) * 2**20, (target, kind)


def test_the_guides_table_of_nodes_is_that_of_the_code() -> None:
    rows = [
        f"| {name} | {it.millicpus / 1000:g} | {it.memory} MiB | {it.cores} | {it.device_memory} GiB |"
        for name, it in INSTANCES.items()
    ]
    assert re.findall(r"^\| (?:inf|trn).*\|$", _GUIDE, re.MULTILINE) == rows
