"""Values that the chart refuses, and what it says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from chart.helm import ROOT, Helm, Object, Refused, settings

PULL_POLICIES = "'Always', 'IfNotPresent', 'Never'"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("images.registri=x", "at '/images': additional properties 'registri' not allowed"),
        ("operators.resources=x", "additional properties 'operators' not allowed"),
        ("placement.inf3.schedulerName=x", "at '/placement': additional properties 'inf3' not allowed"),
        (
            "resources.compile.gpu.limits.cpu=1",
            "at '/resources/compile': additional properties 'gpu' not allowed",
        ),
        (
            "images.registry=https://registry.example.com",
            "at '/images/registry': 'https://registry.example.com'",
        ),
        ("images.pullPolicy=Sometimes", f"at '/images/pullPolicy': value must be one of {PULL_POLICIES}"),
        ("images.operator.digest=01ba", "at '/images/operator/digest': '01ba' does not match pattern"),
        ("images.triton.cpu=triton", "at '/images/triton/cpu': 'triton' does not match pattern"),
        ("toolchains.cpu=", "at '/toolchains/cpu': '' does not match pattern"),
        ("storage.ttlSeconds=7d", "at '/storage/ttlSeconds': got string, want integer"),
        ("storage.ttlSeconds=-1", "at '/storage/ttlSeconds': minimum: got -1, want 0"),
        ("storage.size=50GB", "at '/storage/size': '50GB' does not match pattern"),
        ("storage.efs.fileSystemId=efs-1", "at '/storage/efs/fileSystemId': 'efs-1' does not match pattern"),
        ("storage.efs.directoryPerms=700", "at '/storage/efs/directoryPerms': got number, want string"),
        ("resources.compile.cpu.limits.memory=4GB", "at '/resources/compile/cpu/limits/memory': '4GB'"),
        ("hub.endpoint=hub.example.com", "at '/hub/endpoint': 'hub.example.com' does not match pattern"),
        ("s3.endpoint=s3.example.com", "at '/s3/endpoint': 's3.example.com' does not match pattern"),
        ("compile.maxMemory=64GB", "at '/compile/maxMemory': '64GB' does not match pattern"),
        ("prices.inf2=0", "at '/prices/inf2': exclusiveMinimum: got 0, want 0"),
        ("watchNamespaces={Team A}", "at '/watchNamespaces/0': 'Team A' does not match pattern"),
        ("watchNamespaces=team-a", "at '/watchNamespaces': got string, want array"),
        ("logging.level=trace", "at '/logging/level': value must be one of 'warning', 'info', 'debug'"),
        ("crds.install=yes please", "at '/crds/install': got string, want boolean"),
        (
            "accelerator.coresPerDevice.inf2=0",
            "at '/accelerator/coresPerDevice/inf2': minimum: got 0, want 1",
        ),
        (
            "accelerator.resourceName=aws.amazon.com/neurondevice",
            'accelerator.resourceName is "aws.amazon.com/neurondevice": write aws.amazon.com/neuroncore '
            "(single cores) or aws.amazon.com/neuron (whole devices); the Neuron device plugin no longer "
            "advertises aws.amazon.com/neurondevice.",
        ),
        (
            "accelerator.resourceName=nvidia.com/gpu",
            'accelerator.resourceName is "nvidia.com/gpu": write aws.amazon.com/neuroncore',
        ),
        (
            r"resources.serving.neuronx.limits.aws\.amazon\.com/neuron=1",
            "the operator adds the accelerator itself",
        ),
        ("storage.efs.create=true", "storage.efs.create needs storage.efs.fileSystemId"),
    ],
)
def test_a_wrong_value_is_refused_with_a_sentence(helm: Helm, value: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        helm.template("--set", value)
    assert sentence in str(refusal.value)


def test_an_empty_registry_is_refused_with_where_images_come_from(helm: Helm) -> None:
    with pytest.raises(Refused) as refusal:
        helm.template("--set", "images.registry=")
    assert "set it to the registry that images/build.py pushed to" in str(refusal.value)


def test_the_public_registry_has_the_cpus_images_and_none_of_neuron(helm: Helm) -> None:
    images = settings(helm.template(values=None))["images"]
    for name in ("compiler", "triton", "torchserve"):
        assert images[name] == {
            "cpu": f"ghcr.io/neuron-operator/neuron-operator/{name}:0.1.0",
            "neuronx": "",
            "neuron": "",
        }


def test_a_claim_and_a_class_for_it_exclude_each_other(helm: Helm) -> None:
    with pytest.raises(Refused) as refusal:
        helm.template("--set", "storage.claimName=own", "--set", "storage.storageClassName=nfs")
    assert "set one of the two" in str(refusal.value)


def test_a_cluster_older_than_the_crds_rules_is_refused(helm: Helm) -> None:
    with pytest.raises(Refused) as refusal:
        helm.template("--kube-version", "v1.29.9")
    assert "chart requires kubeVersion: >=1.30.0-0" in str(refusal.value)


def test_the_eks_example_is_refused_until_its_placeholders_are_filled_in(helm: Helm) -> None:
    with pytest.raises(Refused) as refusal:
        helm.template(values=Path(ROOT / "examples" / "eks-values.yaml"))
    assert "at '/images/registry'" in str(refusal.value)
    assert "at '/storage/efs/fileSystemId'" in str(refusal.value)


def test_every_group_of_values_has_a_comment_above_it() -> None:
    lines = (ROOT / "charts" / "neuron-operator" / "values.yaml").read_text().splitlines()
    groups = [number for number, line in enumerate(lines) if line and line[0].isalpha()]
    assert groups
    assert [lines[number] for number in groups if not lines[number - 1].startswith("#")] == []


def test_every_value_that_the_schema_knows_is_in_the_values_file() -> None:
    chart = ROOT / "charts" / "neuron-operator"
    schema = json.loads((chart / "values.schema.json").read_text())
    values = yaml.safe_load((chart / "values.yaml").read_text())
    assert list(absent(schema, values)) == ["global"]


def absent(schema: Object, values: Object) -> Iterator[str]:
    """Paths that the schema spells out and the values lack; parts shared by reference are left out."""
    for name, part in schema.get("properties", {}).items():
        if name in values:
            yield from (f"{name}.{path}" for path in absent(part, values[name]))
        else:
            yield name
