"""What the chart renders for three sets of values."""

import os
from pathlib import Path

import pytest
import yaml
from chart.helm import CHART, ROOT, Helm, of_kind, sets, settings, the

GOLDEN = Path(__file__).parent / "golden"
CRDS = sorted((ROOT / "crds").glob("*.yaml"))
EFS = ["storage.efs.create=true", "storage.efs.fileSystemId=fs-01234567"]


def test_the_chart_lints_without_a_warning(helm: Helm, values: Path) -> None:
    helm.lint(values)


def test_the_rendered_objects_are_the_golden_ones(helm: Helm, values: Path) -> None:
    """UPDATE_GOLDEN=1 writes them anew. The CRDs have a test of their own."""
    objects = [found for found in helm.template(values=values) if found["kind"] != "CustomResourceDefinition"]
    text = yaml.safe_dump_all(objects, sort_keys=False, width=120)
    golden = GOLDEN / values.name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text(), f"{golden} differs: run `make golden`, and read the difference"


def test_the_crds_in_the_chart_are_those_of_the_repository() -> None:
    copies = sorted((CHART / "files" / "crds").glob("*.yaml"))
    assert [copy.name for copy in copies] == [source.name for source in CRDS]
    for copy, source in zip(copies, CRDS, strict=True):
        assert copy.read_bytes() == source.read_bytes(), f"{copy.name} differs: cp crds/*.yaml {copy.parent}"


def test_rendered_crds_differ_from_their_files_only_in_the_annotation_that_keeps_them(helm: Helm) -> None:
    rendered = of_kind(helm.template(), "CustomResourceDefinition")
    for crd in rendered:
        assert crd["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert rendered == [yaml.safe_load(source.read_text()) for source in CRDS]


def test_crds_are_left_out_or_not_kept_on_request(helm: Helm) -> None:
    assert of_kind(helm.template("--set", "crds.install=false"), "CustomResourceDefinition") == []
    unkept = of_kind(helm.template("--set", "crds.keep=false"), "CustomResourceDefinition")
    assert unkept == [yaml.safe_load(source.read_text()) for source in CRDS]


def test_new_settings_restart_the_operator_and_other_values_do_not(helm: Helm) -> None:
    def checksum(*change: str) -> str:
        template = the(helm.template(*change), "Deployment")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/settings"])

    before = checksum()
    assert checksum("--set", "storage.ttlSeconds=60") != before
    assert checksum("--set", "metrics.service.create=false") == before


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ([], ""),
        (["storage.storageClassName=nfs"], "nfs"),
        (EFS, "neuron-efs"),
        ([*EFS, "storage.storageClassName=nfs"], "nfs"),
        ([*EFS, "storage.claimName=own"], ""),
    ],
)
def test_claims_use_the_class_named_else_the_efs_class_made_by_the_chart(
    helm: Helm, change: list[str], expected: str
) -> None:
    assert settings(helm.template(*sets(*change)))["storage"]["storageClassName"] == expected


@pytest.mark.parametrize(("level", "flag"), [("warning", "--quiet"), ("info", None), ("debug", "--verbose")])
def test_the_log_level_becomes_a_flag_of_kopf(helm: Helm, level: str, flag: str | None) -> None:
    pod = the(helm.template("--set", f"logging.level={level}"), "Deployment")["spec"]["template"]["spec"]
    assert set(pod["containers"][0]["args"]) & {"--quiet", "--verbose"} == ({flag} if flag else set())


def test_no_service_can_set_the_operators_variables(helm: Helm) -> None:
    """A Service `<release>-metrics` would be NEURON_OPERATOR_METRICS_PORT=tcp://... in the pod."""
    pod = the(helm.template(), "Deployment")["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False


def test_large_numbers_are_written_out(helm: Helm) -> None:
    objects = helm.template(*sets(*EFS, "storage.efs.uid=1000700000", "storage.ttlSeconds=31536000"))
    assert the(objects, "StorageClass")["parameters"]["uid"] == "1000700000"
    assert settings(objects)["storage"]["ttlSeconds"] == 31536000


def test_two_releases_of_one_name_in_two_namespaces_share_no_object(helm: Helm) -> None:
    def names(namespace: str) -> set[tuple[str, str]]:
        arguments = ("--namespace", namespace, "--set", "crds.install=false")
        cluster_wide = [found for found in helm.template(*arguments) if found["kind"].startswith("Cluster")]
        return {(found["kind"], found["metadata"]["name"]) for found in cluster_wide}

    assert names("one")
    assert names("one") & names("two") == set()
