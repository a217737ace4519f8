"""docs/security.md, "What is defended", claim by claim; test_api_server.py has what the API server keeps."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import neuron_serving
import pytest
from neuron_artifact import ArtifactCorrupt, Attempt, Publication, artifact_path, bring, verify, work_path
from neuron_compiler import sizes
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sources import fetch, hosts
from neuron_operator.builders.deployments import deployment
from neuron_operator.builders.jobs import collect_job, compile_job, verify_job
from neuron_operator.builders.templates import Served
from neuron_operator.models.wanted import candidates
from neuron_operator.reading.troubles import termination_report
from support.schema import largest, spec_schema
from unit.artifact.conftest import DIGEST, fill, small_manifest
from unit.operator.worlds import NAMESPACE, SETTINGS, artifact, model

Object = dict[str, Any]

SERVING = Path(neuron_serving.__file__).parent
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "security.md"
KEYS = {"uri": "s3://models/bert", "secretRef": {"name": "keys"}}
SHA256 = "5" * 64
PUBLISHED = {"phase": "Ready", "completedAt": "2026-01-01T11:00:00Z", "manifestSha256": SHA256}
LARGEST_SPEC = 920_000


def pods() -> Iterator[Object]:
    """The template of every pod that the operator makes."""
    made = artifact(model=KEYS, status=PUBLISHED)
    served = Served("bert-0123456789", DIGEST, "cpu", "neuron-artifacts", "example.org/triton:1", SHA256)
    for obj in (
        compile_job(made, SETTINGS),
        verify_job(made, SETTINGS),
        collect_job(made, SETTINGS),
        deployment(model(), served, SETTINGS),
    ):
        yield obj["spec"]["template"]


def containers(pod: Object) -> list[Object]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def the(name: str) -> Object:
    (found,) = [each for pod in pods() for each in containers(pod) if each["name"] == name]
    return found


def mounts(container: Object, volume: str) -> list[Object]:
    return [each for each in container["volumeMounts"] if each["name"] == volume]


def variables(container: Object) -> dict[str, Object]:
    return {each["name"]: each for each in container["env"]}


def test_a_models_code_and_other_peoples_artifacts() -> None:
    compiling = the("compile")
    (seen,) = mounts(compiling, "artifacts")
    digest = json.loads(variables(compiling)["COMPILE_REQUEST"]["value"])["digest"]
    assert seen["subPath"] == f"{NAMESPACE}/.work/{digest}"
    (fetched,) = mounts(compiling, "model")
    assert fetched["readOnly"] is True
    (loaded,) = mounts(the("verify"), "artifacts")
    (served,) = mounts(the("server"), "artifacts")
    assert (loaded["readOnly"], served["readOnly"]) == (True, True)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_models_code_and_other_peoples_artifacts_what_it_leaves(tmp_path: Path, kind: str) -> None:
    (tmp_path / "other").write_bytes(b"somebody else's")
    attempt = Attempt(work_path(tmp_path, DIGEST), "pod")
    attempt.begin()
    fill(attempt.files)
    left = attempt.files / "left"
    if kind == "link":
        left.symlink_to(tmp_path / "other")
    else:
        os.mkfifo(left)
    attempt.finish({})
    with (
        Publication(tmp_path, DIGEST, "pod", attempt) as publication,
        pytest.raises(ValueError, match="an artifact holds"),
    ):
        publication.publish(small_manifest())
    assert not artifact_path(tmp_path, DIGEST).exists()


def test_a_models_code_and_secrets() -> None:
    with_secrets = {
        container["name"]
        for pod in pods()
        for container in containers(pod)
        for variable in container["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    assert with_secrets == {"fetch"}
    mounted = {volume for pod in pods() for each in pod["spec"]["volumes"] for volume in each}
    assert "secret" not in mounted
    assert "projected" not in mounted
    job = next(pods())
    left_out = job["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"].split(",")
    assert set(left_out) >= {each["name"] for each in containers(job)} - {"fetch"}


def test_secrets_and_hosts() -> None:
    token = {"SOURCE_TOKEN": "opens-the-door", "SOURCE_HOSTS": "models.example.org"}
    assert hosts.token_for("https://models.example.org/a.tar", "SOURCE_TOKEN", token) == "opens-the-door"
    for url in ("https://evil.example/a.tar", "https://models.example.org.evil.example/a.tar"):
        with pytest.raises(CompileError) as refused:
            hosts.token_for(url, "SOURCE_TOKEN", token)
        assert refused.value.reason == "HostNotAllowed"


def test_a_checkpoint_that_names_another_repositorys_code() -> None:
    told = variables(the("compile"))
    assert (told["HF_HUB_OFFLINE"]["value"], told["TRANSFORMERS_OFFLINE"]["value"]) == ("1", "1")


def test_an_artifact_that_is_rewritten_on_the_volume(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with Publication(store, DIGEST, "pod") as publication:
        fill(publication.path)
        directory = publication.publish(small_manifest())
    bucket = directory / "buckets/b1_s128/model.pt"
    bucket.write_bytes(b"MODEL" * 1000)
    manifest = json.loads((directory / "manifest.json").read_text())
    for entry in manifest["files"]:
        if entry["path"] == "buckets/b1_s128/model.pt":
            entry["sha256"] = hashlib.sha256(bucket.read_bytes()).hexdigest()
    (directory / "manifest.json").write_text(json.dumps(manifest))
    assert verify(directory, DIGEST).digest == DIGEST, "by itself it looks whole"
    with pytest.raises(ArtifactCorrupt, match="is not the one that was published"):
        bring(directory, tmp_path / "node", DIGEST, publication.sha256, buckets=True)
    for reader in ("verify", "record", "server"):
        assert variables(the(reader))["ARTIFACT_MANIFEST_SHA256"]["value"] == SHA256


def test_several_namespaces_on_one_file_system() -> None:
    parts = [
        mount.get("subPath", "")
        for pod in pods()
        for each in containers(pod)
        for mount in mounts(each, "artifacts")
    ]
    assert parts
    assert all(part.split("/")[0] == NAMESPACE for part in parts)


def test_one_uri_two_servers() -> None:
    def digest(secret: str, endpoint: str = "") -> str:
        settings = replace(SETTINGS, s3=replace(SETTINGS.s3, endpoint=endpoint))
        asked = model(model={**KEYS, "secretRef": {"name": secret}}, target="cpu")
        return candidates(asked, settings)["cpu"].wanted.digest

    assert len({digest("one"), digest("two"), digest("one", "https://s3.example.org")}) == 3


def test_the_operators_memory() -> None:
    for plural in ("neuronmodels", "neuronartifacts"):
        assert largest(spec_schema(plural), "spec") < LARGEST_SPEC


def test_a_source_that_is_not_what_it_says(tmp_path: Path) -> None:
    asked = Model("pvc://models/bert", None, None, "feature-extraction", "Auto", None, False)
    source = tmp_path / "bert"
    source.mkdir()
    (source / "vocab.txt").symlink_to("/proc/self/environ")
    with pytest.raises(CompileError, match="a link that leads out of it") as refused:
        fetch(asked, {"SOURCE_PATH": str(tmp_path)})
    assert (refused.value.reason, refused.value.heals) == ("ModelUnreadable", False)
    (source / "vocab.txt").unlink()
    os.mkfifo(source / "vocab.txt")
    with pytest.raises(CompileError, match="a pipe or a device"):
        fetch(asked, {"SOURCE_PATH": str(tmp_path)})


@pytest.mark.parametrize("given", [{"num_hidden_layers": 10**9}, {"a": {"num_labels": 10**9}}, {"x": 10**99}])
def test_a_configuration_that_asks_for_everything(given: Object) -> None:
    with pytest.raises(CompileError, match="at most") as refused:
        sizes.check(given, "hf://a/b")
    assert (refused.value.reason, refused.value.heals) == ("ModelUnreadable", False)


def test_what_a_models_code_tells() -> None:
    told = {"reason": "x", "message": "\x1b[31m\u202e", "parity": {"value": "x" * 9000}, "log": ["\x07"]}
    report = termination_report({"message": json.dumps(told)})
    assert report == {"reason": "x", "message": "?[31m?", "parity": {}, "log": ["?"]}
    assert termination_report({"message": "[" * 4000}) == {}


def test_large_messages_of_grpc() -> None:
    handlers = (SERVING / "front" / "rpc.py").read_text()
    assert "unary_unary_rpc_method_handler" not in handlers.replace("stream_unary_rpc_method_handler", "")


def test_the_node() -> None:
    for pod in pods():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        assert not [volume for volume in spec["volumes"] if "hostPath" in volume]
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_every_claim_of_the_document_has_a_test() -> None:
    defended = DOCUMENT.read_text().partition("## What is defended")[2].partition("## What is not")[0]
    claims = re.findall(r"^- \*\*(.+?)\.?\*\*", defended, re.MULTILINE)
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    names = {_name(claim) for claim in claims}
    assert len(names) == len(claims) > 5
    assert {name for name in names if f"def {name}" not in text} == set()


def _name(claim: str) -> str:
    return "test_" + re.sub(r"\W+", "_", claim.lower().replace("'", ""))
