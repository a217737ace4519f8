"""Whole objects as the operator builds them, against the files beside this one (see `make golden`)."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from neuron_operator.api.artifact import parse_artifact
from neuron_operator.api.model import parse_model
from neuron_operator.api.settings import Settings, parse_settings
from neuron_operator.builders import artifacts, claims, deployments, jobs, services
from neuron_operator.builders.autoscalers import autoscaler
from neuron_operator.builders.disruption_budgets import disruption_budget
from neuron_operator.builders.templates import Served
from neuron_operator.models.wanted import candidates
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels

HERE = Path(__file__).parent
SHA256 = "5" * 64
BYTES = 12 * 10**9


def _read(name: str) -> Object:
    content: Object = yaml.safe_load((HERE / name).read_text())
    return content


@pytest.fixture(scope="module")
def settings() -> Settings:
    return parse_settings(_read("settings.yaml"))


def _objects_for_a_model(body: Object, settings: Settings) -> list[Object | None]:
    model = parse_model(body)
    candidate = candidates(model, settings)[model.target]
    wanted = candidate.wanted
    claim = claims.claim_name(model, settings)
    artifact_object = artifacts.artifact(model, wanted, claim)
    stored = {**artifact_object, "metadata": {**artifact_object["metadata"], "uid": "uid-of-the-artifact"}}
    artifact = replace(parse_artifact(stored, settings), manifest_sha256=SHA256, size_bytes=BYTES)
    assert artifact.digest == wanted.digest
    image = candidate.pinned.serving_image
    served = Served(wanted.name, wanted.digest, wanted.target, claim, image, SHA256, BYTES)
    served_by = deployments.deployment(model, served, settings)
    remembered = served_by["metadata"]["annotations"].pop(labels.TEMPLATE)
    assert json.loads(remembered) == served_by["spec"]["template"]
    return [
        claims.claim(model, settings),
        artifact_object,
        jobs.compile_job(artifact, settings),
        jobs.verify_job(artifact, settings) if artifact.compile.runs_on == "CPU" else None,
        jobs.scrub_job(artifact, settings),
        jobs.collect_job(artifact, settings),
        services.service(model),
        served_by,
        autoscaler(model),
        disruption_budget(model),
    ]


@pytest.mark.parametrize("name", sorted(path.stem for path in (HERE / "models").glob("*.yaml")))
def test_the_objects_of_a_model_are_the_golden_ones(
    name: str, settings: Settings, golden: Callable[[Path, str], None]
) -> None:
    built = [obj for obj in _objects_for_a_model(_read(f"models/{name}.yaml"), settings) if obj is not None]
    golden(HERE / "objects" / f"{name}.yaml", yaml.safe_dump_all(built, sort_keys=False, width=110))


@pytest.fixture
def golden() -> Callable[[Path, str], None]:
    """Compares text with a file; with UPDATE_GOLDEN set, writes the file."""

    def compare(path: Path, text: str) -> None:
        if os.environ.get("UPDATE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        assert path.exists(), f"{path.name} is missing: make golden writes it"
        assert list(yaml.safe_load_all(text)) == list(yaml.safe_load_all(path.read_text()))

    return compare
