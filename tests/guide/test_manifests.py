"""What the guide for EKS has people apply is what eksctl, Karpenter and IAM take."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from support.gomodule import Module
from support.images import ROOT
from support.kube import Kube, Refused

EKSCTL = Module(
    "github.com/weaveworks/eksctl",
    "v0.215.0",
    "9af06abe44777afcad3a7af14a9d3bef27c1077b77f0027c5fa280ecbc5b9f6c",
)
KARPENTER = Module(
    "github.com/aws/karpenter-provider-aws",
    "v1.15.1",
    "1217afce8edf7f1a50f099c5db08dc0a5dc9194fc01d13270cb58d8db9e1921e",
)
FILES = ROOT / "examples/eks"
KINDS = ("karpenter.sh_nodepools", "karpenter.k8s.aws_ec2nodeclasses")


@pytest.fixture(scope="module")
def cluster_config() -> jsonschema.Draft7Validator:
    """Of eksctl's own schema; it is of one object, whose fields are all named."""
    schema = json.loads(EKSCTL.file("pkg/apis/eksctl.io/v1alpha5/assets/schema.json"))
    return jsonschema.Draft7Validator(schema)


@pytest.fixture
def karpenter(kube: Kube) -> Iterator[Kube]:
    """The cluster with Karpenter's definitions in it, for as long as a test."""
    kinds = [yaml.safe_load(KARPENTER.file(f"pkg/apis/crds/{kind}.yaml")) for kind in KINDS]
    names = [each["metadata"]["name"] for each in kinds]
    kube.apply(*kinds)
    try:
        kube.kubectl(
            "wait", "--for=condition=Established", "--timeout=60s", *[f"crd/{name}" for name in names]
        )
        yield kube
    finally:
        kube.kubectl("delete", "crd", *names, "--ignore-not-found")


def dry_run(kube: Kube, *objects: dict[str, Any]) -> None:
    kube.kubectl(
        "create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=yaml.safe_dump_all(objects)
    )


def objects(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FILES / name).read_text()))


def test_the_cluster_is_one_that_eksctl_takes(cluster_config: jsonschema.Draft7Validator) -> None:
    (cluster,) = objects("cluster.yaml")
    assert [error.message for error in cluster_config.iter_errors(cluster)] == []


def test_a_field_that_eksctl_does_not_know_is_found(cluster_config: jsonschema.Draft7Validator) -> None:
    (cluster,) = copy.deepcopy(objects("cluster.yaml"))
    cluster["managedNodeGroups"][0]["diskSize"] = 50
    (error,) = cluster_config.iter_errors(cluster)
    assert "diskSize" in error.message


def test_karpenters_objects_are_admitted(karpenter: Kube) -> None:
    dry_run(karpenter, *objects("karpenter.yaml"))


def test_a_field_that_karpenter_does_not_know_is_found(karpenter: Kube) -> None:
    (node_class, _) = objects("karpenter.yaml")
    node_class["spec"]["amiFamilies"] = ["AL2023"]
    with pytest.raises(Refused, match="amiFamilies"):
        dry_run(karpenter, node_class)


def test_the_policy_has_the_form_of_iam() -> None:
    policy = json.loads((FILES / "models-policy.json").read_text())
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Resource"].startswith("arn:aws:s3:::")
