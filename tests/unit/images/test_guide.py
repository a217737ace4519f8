"""The files that docs/eks.md leads through fit together."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from imagebuild.families import read

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


def test_the_charts_memory_fits_the_smallest_node_that_the_guide_starts() -> None:
    resources = yaml.safe_load((_ROOT / "charts/neuron-operator/values.yaml").read_text())["resources"]
    for kind in ("compile", "serving"):
        for family in ("neuronx", "neuron"):
            assert int(resources[kind][family]["limits"]["memory"].removesuffix("Gi")) * 1024 < 14162
