"""`make eks` from its preflight to its report, on stand-ins for the Neuron packages."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from e2e.conftest import NAMESPACE, World
from support.images import ROOT

# What the local cluster has on any machine; disk and pull are the machine's own, and there is no driver.
NEEDED = {"operator", "NeuronCores", "images", "ordinary node", "shared volume", "metrics API"}


def eks(world: World, directory: Path, model: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
    """The exit status of `make eks` for one model, its report, and what it printed."""
    manifest, report = directory / "model.yaml", directory / "report"
    manifest.write_text(yaml.safe_dump(model))
    at = world.kube.cluster
    words = ("--namespace", NAMESPACE, "--kubeconfig", str(at.kubeconfig), "--report", str(report))
    environment = {**os.environ, "PATH": f"{at.kubectl.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "eks", *words, "--local", "--regardless", "--minutes", "10"]
    done = subprocess.run(
        [*command, str(manifest)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert report.with_suffix(".json").exists(), said
    found: dict[str, Any] = json.loads(report.with_suffix(".json").read_text())
    assert report.with_suffix(".md").read_text().startswith(f"# {found['verdict']}\n")
    return done.returncode, found, said


def model(world: World, name: str, **serving: Any) -> dict[str, Any]:
    return world.model(
        name,
        target="inf2",
        compile={"neuronx": {"autoCast": "none"}, "sequenceLengths": [22]},
        serving=serving,
    )


def test_a_model_that_computes_as_its_twin_on_the_cpu_passes(world: World, tmp_path: Path) -> None:
    code, found, said = eks(world, tmp_path, model(world, "hardware"))
    assert (code, found["verdict"]) == (0, "PASS"), said
    assert {each["name"] for each in found["preflight"] if each["there"]} >= NEEDED, said
    (checked,) = found["models"]
    assert checked["status"]["backend"]["name"] == "torch_neuronx"
    assert checked["cosine"] > 0.9999
    assert "hardware: torch_neuronx in fp32, " in said


def test_a_server_that_computes_wrongly_is_reported_although_its_artifact_is_right(
    world: World, tmp_path: Path
) -> None:
    wrong = model(world, "hardware-wrong", env=[{"name": "STANDIN_NEURON_WRONG", "value": "1"}])
    code, found, said = eks(world, tmp_path, wrong)
    assert (code, found["verdict"]) == (1, "WRONG"), said
    (checked,) = found["models"]
    assert checked["status"]["parity"]["passed"] is True
    assert any("its answers and its twin's have a cosine of" in each for each in checked["wrong"]), said
