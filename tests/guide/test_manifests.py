"""What the guides have people apply is what eksctl, Karpenter, IAM and KEDA take."""

import copy
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
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
KEDA = Module(
    "github.com/kedacore/keda/v2",
    "v2.18.0",
    "290aeed7e5a3dccafd1fa99d68cd33c65b53fe563768ca45debc2c66896cc7d8",
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
    with knowing(kube, [KARPENTER.file(f"pkg/apis/crds/{kind}.yaml") for kind in KINDS]):
        yield kube


@contextmanager
def knowing(kube: Kube, definitions: list[bytes]) -> Iterator[None]:
    """Within it the cluster has these CustomResourceDefinitions."""
    kinds = [yaml.safe_load(text) for text in definitions]
    names = [each["metadata"]["name"] for each in kinds]
    kube.apply(*kinds)
    try:
        kube.kubectl(
            "wait", "--for=condition=Established", "--timeout=60s", *[f"crd/{name}" for name in names]
        )
        yield
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


def test_keda_takes_the_guides_scaler_and_no_other_field(kube: Kube) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/monitoring.md").read_text(), re.DOTALL)
    (scaler,) = (yaml.safe_load(block) for block in blocks if "ScaledObject" in block)
    with knowing(kube, [KEDA.file("config/crd/bases/keda.sh_scaledobjects.yaml")]):
        dry_run(kube, scaler)
        scaler["spec"]["triggers"][0]["metricTypes"] = "Value"
        with pytest.raises(Refused, match="metricTypes"):
            dry_run(kube, scaler)


def test_the_policy_has_the_form_of_iam() -> None:
    policy = json.loads((FILES / "models-policy.json").read_text())
    assert policy["Version"] == "2012-10-17"
    for statement in policy["Statement"]:
        assert set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}
        assert statement["Resource"].startswith("arn:aws:s3:::")
