"""A new version of the chart upgrades the CRDs, and removing it leaves them and the models alone.

The chart is a copy whose resources are of a group of their own: nothing else in the cluster is touched.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from chart.helm import CHART, VALUES
from support.kube import Kube, Object

NAMESPACE = "chart-upgrade-test"
GROUP = "upgrade-test.neuron-operator.dev"
CRD = f"neuronmodels.{GROUP}"
MODEL = {
    "apiVersion": f"{GROUP}/v1alpha1",
    "kind": "NeuronModel",
    "metadata": {"name": "gpt2", "namespace": NAMESPACE},
    "spec": {"model": {"uri": "hf://openai-community/gpt2"}},
}


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the chart under another API group, without the names that kubectl knows in all groups."""
    copy = tmp_path_factory.mktemp("chart") / "neuron-operator"
    shutil.copytree(CHART, copy)
    for file in (*copy.glob("files/*/*.yaml"), *copy.glob("templates/*.yaml")):
        file.write_text(file.read_text().replace("neuron-operator.dev", GROUP))
    for file in copy.glob("files/crds/*.yaml"):
        crd = yaml.safe_load(file.read_text())
        del crd["spec"]["names"]["shortNames"], crd["spec"]["names"]["categories"]
        file.write_text(yaml.safe_dump(crd))
    return copy


@pytest.fixture(scope="module")
def older(chart: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An older version of that chart: its NeuronModel does not know spec.serving.localCopy."""
    copy = tmp_path_factory.mktemp("older") / "neuron-operator"
    shutil.copytree(chart, copy)
    file = copy / "files" / "crds" / "neuronmodels.yaml"
    crd = yaml.safe_load(file.read_text())
    del serving_fields(crd)["localCopy"]
    file.write_text(yaml.safe_dump(crd))
    return copy


@pytest.fixture(scope="module")
def namespace(kube: Kube) -> Iterator[str]:
    kube.remove_namespace(NAMESPACE)
    with kube.temporary_namespace(NAMESPACE) as name:
        yield name
        kube.helm("uninstall", "operator", "--namespace", name, "--ignore-not-found")
    for plural in ("neuronmodels", "neuronartifacts"):
        kube.delete("customresourcedefinition", f"{plural}.{GROUP}")


def serving_fields(crd: Object) -> Object:
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    fields: Object = schema["properties"]["spec"]["properties"]["serving"]["properties"]
    return fields


def installed(kube: Kube) -> Object:
    crd = kube.get("customresourcedefinition", CRD)
    assert crd, f"{CRD} is not there"
    return serving_fields(crd)


def test_crds_are_upgraded_with_the_chart_and_outlive_it(
    kube: Kube, namespace: str, older: Path, chart: Path
) -> None:
    # Nobody serves these images: the operator's pod stays pending, which is all the same here.
    upgrade = ("upgrade", "--install", "operator", "--namespace", namespace)
    values = ("--values", str(VALUES / "default.yaml"))

    kube.helm(*upgrade, str(older), *values)
    kube.kubectl("wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=30s")
    kube.apply(MODEL)
    assert "localCopy" not in installed(kube)

    kube.helm(*upgrade, str(chart), *values)
    assert "localCopy" in installed(kube)

    kube.helm("uninstall", "operator", "--namespace", namespace, "--wait")
    assert kube.get("deployment", "operator-neuron-operator", namespace) is None
    assert "localCopy" in installed(kube)
    assert kube.get(CRD, "gpt2", namespace)

    # Installed again under the same name, it finds its CRDs.
    kube.helm(*upgrade, str(chart), *values)
    kube.helm("uninstall", "operator", "--namespace", namespace, "--wait")
