"""From one applied file to right answers, on real nodes with the real images."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from e2e.conftest import NAMESPACE, World
from support.kube import condition
from support.python import importing_the_same
from support.wait import eventually
from support.writes import NO_AUDIT_LOG, Writes


@pytest.fixture(scope="module")
def minilm(world: World) -> Any:
    """MiniLM with its real weights, served."""
    world.kube.apply(world.model("minilm", "pvc://models/minilm", compile={"sequenceLengths": [32, 128]}))
    yield world.settled("minilm")
    world.remove("minilm")


@pytest.fixture(scope="module")
def writes(world: World, minilm: Any) -> Writes | None:
    """What the operator writes from when MiniLM has converged; None where no audit log tells."""
    if world.kube.cluster.audit_log is None:
        return None
    writes = Writes(world.release)
    writes.settle()
    return writes


# The minute without writes begins with the first test, so that no test has to wait for its end.
@pytest.mark.usefixtures("writes")
def test_the_status_says_what_was_measured(minilm: Any) -> None:
    status = minilm["status"]
    assert status["url"] == f"http://minilm.{NAMESPACE}.svc:8000"
    assert status["target"] == "cpu"
    assert status["parity"]["passed"] is True
    assert 0 <= status["parity"]["value"] <= status["parity"]["tolerance"]
    assert status["benchmark"]["throughputPerSecond"] > 0
    assert status["artifact"]["digest"]
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "Ready": "True",
        "ArtifactReady": "True",
        "ParityVerified": "True",
        "BenchmarkCompleted": "True",
        "ServingReady": "True",
        "AutoscalerReady": "True",
        "UpToDate": "True",
        "Reconciling": "False",
        "Stalled": "False",
    }


def test_machine_code_chosen_by_measurement_gives_the_right_answers(world: World) -> None:
    world.kube.apply(world.model("measured", compile={"sequenceLengths": [32], "cpu": {"backend": "Auto"}}))
    try:
        # It takes long enough that the operator reads the compiler's log meanwhile.
        seen = eventually(lambda: world.status("measured").get("progress"), what="progress", timeout=240)
        assert seen["step"] in ("compile", "parity")
        assert seen["message"].endswith("of 1 buckets")
        status = world.ready("measured")["status"]
        assert "progress" not in status
        assert status["backend"]["name"] in ("inductor", "torchscript")
        assert status["parity"]["passed"] is True
        # The tolerance of bf16; in fp32 the answers are a thousand times nearer.
        assert "PASS" in world.ask("features", "measured", "/models/gpt2", "--tolerance", "0.05")
    finally:
        world.remove("measured")


def test_sentences_that_mean_the_same_lie_close_together(world: World, minilm: Any) -> None:
    assert "PASS" in world.ask("sentences", "minilm", "/models/minilm")


def test_every_client_has_the_same_answer(world: World, minilm: Any) -> None:
    assert "PASS" in world.ask("clients", "minilm", "/models/minilm")


def test_hostile_requests_are_refused_with_a_sentence_and_the_server_lives(world: World, minilm: Any) -> None:
    assert "PASS" in world.ask("hostile", "minilm", "/models/minilm")
    pods = world.kube.list("pods", NAMESPACE, "neuron-operator.dev/model=minilm")
    assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods] == [0]


def test_a_converged_model_causes_no_writes_for_a_minute_in_which_it_is_asked(
    minilm: Any, writes: Writes | None
) -> None:
    if writes is None:
        pytest.skip(NO_AUDIT_LOG)
    # Other models come and go meanwhile.
    own = ("minilm", minilm["status"]["artifact"]["name"])
    assert [write for write in writes.after_settling(seconds=60) if any(name in write for name in own)] == []


def test_the_autoscaler_is_there_and_active(world: World, minilm: Any) -> None:
    def active() -> bool:
        scaler = world.kube.get("horizontalpodautoscaler", "minilm", NAMESPACE)
        return str(condition(scaler, "ScalingActive")["status"]) == "True"

    eventually(active, what="the HorizontalPodAutoscaler reads its metric", timeout=120)


def test_a_deleted_service_comes_back(world: World, minilm: Any) -> None:
    before = world.kube.get("service", "minilm", NAMESPACE)
    assert before
    world.kube.delete("service", "minilm", NAMESPACE)

    def back() -> bool:
        now = world.kube.get("service", "minilm", NAMESPACE)
        return bool(now and now["metadata"]["uid"] != before["metadata"]["uid"])

    eventually(back, what="the Service is there again", timeout=20)


def test_an_edited_deployment_is_put_right(world: World, minilm: Any) -> None:
    def image() -> str:
        deployment = world.kube.get("deployment", "minilm", NAMESPACE)
        assert deployment
        return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])

    right = image()
    wrong = {
        "op": "replace",
        "path": "/spec/template/spec/containers/0/image",
        "value": "example.invalid/other:1",
    }
    world.kube.kubectl(
        "patch", "deployment", "minilm", "-n", NAMESPACE, "--type=json", "-p", json.dumps([wrong])
    )
    eventually(lambda: image() == right, what="the Deployment has its image again", timeout=20)
    world.ready("minilm")


def test_the_checks_for_a_cluster_with_neuron_hardware_do_their_work(world: World, tmp_path: Path) -> None:
    model = world.model("checked", "pvc://models/minilm", compile={"sequenceLengths": [32, 128]}, replicas=1)
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(model))
    path = f"{world.kube.cluster.kubectl.parent}{os.pathsep}{os.environ['PATH']}"
    command = (sys.executable, "-m", "eks", str(tmp_path / "model.yaml"), "--namespace", NAMESPACE)
    environment = {**world.kube.environment, **importing_the_same(), "PATH": path}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "checked: torchscript in fp32" in done.stdout
    finally:
        world.remove("checked", "checked-twin")


def test_gpt2_features_agree_with_eager_mode(world: World) -> None:
    world.kube.apply(world.model("gpt2"))
    world.ready("gpt2")
    try:
        assert "PASS" in world.ask("features", "gpt2", "/models/gpt2")
    finally:
        world.remove("gpt2")


def test_a_model_that_asks_for_a_device_gets_it(world: World) -> None:
    limits = {"limits": {"aws.amazon.com/neuroncore": "1"}}
    world.kube.apply(world.model("on-device", serving={"resources": limits}, replicas=1))
    world.ready("on-device")
    try:
        (pod,) = world.kube.list("pods", NAMESPACE, "neuron-operator.dev/model=on-device")
        node = world.kube.get("node", pod["spec"]["nodeName"])
        assert node
        assert int(node["status"]["allocatable"]["aws.amazon.com/neuroncore"]) >= 1
        assert pod["spec"]["containers"][0]["resources"]["limits"]["aws.amazon.com/neuroncore"] == "1"
    finally:
        world.remove("on-device")
