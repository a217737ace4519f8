"""Both runtimes serve one artifact, and are asked the same: their answers agree to the letter."""

import json
import os

from e2e.conftest import NAMESPACE, World

# `make alike` asks several thousand.
REQUESTS = int(os.environ.get("ALIKE_REQUESTS", "600"))


def test_both_runtimes_answer_alike_whatever_is_asked(world: World) -> None:
    names = {"Triton": "alike-one", "TorchServe": "alike-two"}
    spec = {"compile": {"sequenceLengths": [32, 128]}, "replicas": 1}
    try:
        for runtime, name in names.items():
            world.kube.apply(world.model(name, "pvc://models/minilm", **spec, serving={"runtime": runtime}))
        for name in names.values():
            world.ready(name)
        command = ("python", "-m", "toolbox.alike", *names.values(), "--requests", str(REQUESTS))
        log = world.kube.run_job(world.toolbox.job("alike", *command))
        report = json.loads(log.splitlines()[-1])
        assert (report["requests"], report["unlike"]) == (REQUESTS, 0), log[-6000:]
        answered, refused = report["statuses"].get("200", 0), report["statuses"].get("400", 0)
        assert min(answered, refused) > REQUESTS // 20
        pods = [
            pod
            for name in names.values()
            for pod in world.kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={name}")
        ]
        assert [pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods] == [0, 0]
    finally:
        world.remove(*names.values())
