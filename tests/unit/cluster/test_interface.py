"""What others use of a cluster."""

from pathlib import Path

import pytest
from cluster import Cluster, Lacking, addons, provider


def _cluster(tmp_path: Path) -> Cluster:
    tool = tmp_path / "tool"
    return Cluster(
        kubeconfig=tmp_path / "kubeconfig",
        registry="registry.example:5000",
        insecure_registry=False,
        helm=tool,
        kubectl=tool,
        audit_log=None,
        _volume=lambda name, namespace, size: addons.shared_volume(tmp_path / name, name, namespace, size),
    )


def test_a_shared_volume_is_bound_to_its_claim_and_to_no_other(tmp_path: Path) -> None:
    volume, claim = _cluster(tmp_path).shared_volume("models", "demo", "2Gi")
    assert volume["spec"]["claimRef"]["name"] == claim["metadata"]["name"] == "models"
    assert volume["spec"]["claimRef"]["namespace"] == claim["metadata"]["namespace"] == "demo"
    assert claim["spec"]["volumeName"] == volume["metadata"]["name"] == "demo-models"
    assert claim["spec"]["accessModes"] == volume["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["spec"]["resources"]["requests"]["storage"] == volume["spec"]["capacity"]["storage"] == "2Gi"


@pytest.mark.parametrize(("name", "namespace"), [("../etc", "demo"), ("models", "Demo"), ("", "demo")])
def test_a_volume_whose_name_is_no_label_is_refused(tmp_path: Path, name: str, namespace: str) -> None:
    with pytest.raises(ValueError, match="is no DNS label"):
        _cluster(tmp_path).shared_volume(name, namespace)


@pytest.mark.parametrize("name", ["context", "kind", "local"])
def test_the_provider_is_the_one_that_was_asked_for(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("CLUSTER_PROVIDER", name)
    assert provider().name == name


def test_a_provider_that_nobody_knows_is_refused_with_the_names_of_those_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLUSTER_PROVIDER", "minikube")
    with pytest.raises(Lacking, match="auto, context, kind, local"):
        provider()


def test_without_docker_nobody_s_context_is_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CLUSTER_PROVIDER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "somebodys"))
    assert provider().name == "local"


def test_a_context_without_a_registry_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch()
    monkeypatch.setenv("CLUSTER_PROVIDER", "context")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.delenv("CLUSTER_REGISTRY", raising=False)
    with pytest.raises(Lacking, match="CLUSTER_REGISTRY is not set"):
        provider().check()


@pytest.mark.parametrize("name", ["coredns", "metrics-server", "device-plugin"])
def test_every_addon_is_complete_once_its_placeholders_are_filled_in(name: str) -> None:
    objects = addons.manifests(name, image="example/image:1", dns_address="10.0.0.10", devices="1")
    assert all({"apiVersion", "kind", "metadata"} <= set(found) for found in objects)
    assert "$" not in str(objects)
