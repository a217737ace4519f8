"""The second runtime: one word switches to it, and clients of the protocol cannot tell."""

import json
import re

from e2e.conftest import NAMESPACE, World
from support.kube import Object

# KServe's own client.
KSERVE = """
import asyncio, sys
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

host, name = sys.argv[1:]
ids = InferInput("input_ids", [1, 3], "INT64")
ids.set_data_from_numpy(np.array([[5, 6, 7]]), binary_data=False)
request = InferRequest(name, [ids])

async def ask():
    rest = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await rest.is_model_ready(f"http://{host}:8000", name)
    over_http = await rest.infer(f"http://{host}:8000", request, model_name=name)
    over_grpc = await InferenceGRPCClient(f"{host}:8001").infer(request)
    one, other = (np.array(each.outputs[0].as_numpy()).reshape(-1) for each in (over_http, over_grpc))
    assert len(one) > 100 and np.abs(one - other).max() < 1e-5, (one, other)
    print("PASS")

asyncio.run(ask())
"""


def kserve_client(world: World, name: str) -> Object:
    return world.toolbox.job(f"kserve-{name}", "python", "-c", KSERVE, f"{name}.{NAMESPACE}.svc", name)


def image_of(world: World, name: str) -> str:
    deployment = world.kube.get("deployment", name, NAMESPACE)
    assert deployment
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def asked_and_answered(world: World, name: str) -> float:
    """The requests that the model's own metrics tell of, which both runtimes name alike."""
    (pod,) = world.kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={name}")
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:8002/proxy/metrics"
    text = world.kube.kubectl("get", "--raw", path)
    assert "neuron_artifact_info{" in text
    found = re.findall(r"^neuron_requests_total\{[^}]*\} ([0-9.e+]+)$", text, re.MULTILINE)
    return sum(float(number) for number in found)


def logged(world: World, name: str) -> set[tuple[str, int]]:
    """The ids and statuses of the requests for inferences that the server's log tells of."""
    (pod,) = world.kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={name}")
    lines = world.kube.logs(pod["metadata"]["name"], NAMESPACE).splitlines()
    requests = (json.loads(line) for line in lines if line.startswith("{"))
    return {(request["requestId"], request["status"]) for request in requests}


def test_a_model_moves_from_one_runtime_to_the_other_and_clients_cannot_tell(world: World) -> None:
    name, reference = "either", "/models/minilm"
    for runtime in ("TorchServe", "Triton"):
        spec = {
            "compile": {"sequenceLengths": [32, 128]},
            "serving": {"runtime": runtime, "requestLog": True},
            "replicas": 1,
        }
        world.kube.apply(world.model(name, "pvc://models/minilm", **spec))
        try:
            world.ready(name)
            assert runtime.lower() in image_of(world, name)
            assert "PASS" in world.ask("sentences", name, reference)
            assert "PASS" in world.ask("clients", name, reference)
            assert "PASS" in world.ask("hostile", name, reference)
            world.kube.run_job(kserve_client(world, name))
            assert asked_and_answered(world, name) > 0
            assert {("asked-once", 200), ("-", 400)} <= logged(world, name)
            pods = world.kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={name}")
            assert {pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods} == {0}
        except BaseException:
            world.remove(name)
            raise
    world.remove(name)
    there = world.kube.list("neuronartifacts", NAMESPACE)
    artifacts = [each for each in there if each["spec"]["model"]["uri"] == "pvc://models/minilm"]
    assert len(artifacts) == 1, "both runtimes serve one artifact"
