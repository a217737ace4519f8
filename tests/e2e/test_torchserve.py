"""The second runtime: one word switches to it, and clients of the protocol cannot tell."""

from e2e.conftest import NAMESPACE, World


def image_of(world: World, name: str) -> str:
    deployment = world.kube.get("deployment", name, NAMESPACE)
    assert deployment
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_model_moves_from_one_runtime_to_the_other_and_clients_cannot_tell(world: World) -> None:
    name, reference = "either", "/models/minilm"
    for runtime in ("torchserve", "triton"):
        spec = {"compile": {"sequenceLengths": [32, 128]}, "serving": {"runtime": runtime}, "replicas": 1}
        world.kube.apply(world.model(name, "pvc://models/minilm", **spec))
        try:
            world.ready(name)
            assert runtime in image_of(world, name)
            assert "PASS" in world.ask("sentences", name, reference)
            assert "PASS" in world.ask("hostile", name, reference)
            pods = world.kube.list("pods", NAMESPACE, f"neuron-operator.dev/model={name}")
            assert {pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods} == {0}
        except BaseException:
            world.remove(name)
            raise
    world.remove(name)
    there = world.kube.list("neuronartifacts", NAMESPACE)
    artifacts = [each for each in there if each["spec"]["model"]["uri"] == "pvc://models/minilm"]
    assert len(artifacts) == 1, "both runtimes serve one artifact"
