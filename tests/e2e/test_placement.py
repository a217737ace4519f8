"""Compiled on an ordinary node, verified and served where the devices are: two real nodes, and a stand-in of
torch_neuronx that computes on the CPU.
"""

from e2e.conftest import NAMESPACE, World

DEVICES = "aws.amazon.com/neuroncore"


def node_of(world: World, component: str, name: str) -> str:
    """The node that runs, or ran, the newest pod of a component."""
    found = world.kube.list("pods", NAMESPACE, f"app.kubernetes.io/component={component}")
    own = [pod for pod in found if pod["metadata"]["name"].startswith(name)]
    assert own, f"no {component} pod of {name}"
    return str(max(own, key=lambda pod: pod["metadata"]["creationTimestamp"])["spec"]["nodeName"])


def test_what_an_ordinary_node_compiles_is_verified_and_served_on_the_accelerator(world: World) -> None:
    nodes = world.kube.list("nodes")
    with_devices = {
        node["metadata"]["name"] for node in nodes if int(node["status"]["allocatable"].get(DEVICES, 0))
    }
    ordinary = next(
        node
        for node in nodes
        # A taint keeps pods off the hollow node, which other tests may have left standing.
        if node["metadata"]["name"] not in with_devices and not node["spec"].get("taints")
    )
    selector = {"kubernetes.io/hostname": ordinary["metadata"]["labels"]["kubernetes.io/hostname"]}
    compile_ = {
        "runsOn": "CPU",
        "nodeSelector": selector,
        "neuronx": {"autoCast": "none"},
        "sequenceLengths": [18],
    }
    world.kube.apply(world.model("afar", target="inf2", compile=compile_, replicas=1))
    try:
        status = world.ready("afar")["status"]
        artifact = world.kube.get("neuronartifact", status["artifact"]["name"], NAMESPACE)
        assert artifact
        assert artifact["status"]["verification"] == "Done"
        backend = {"name": "torch_neuronx", "precision": "fp32", "deviceShare": 1}
        assert artifact["status"]["backend"] == backend
        assert status["parity"]["passed"] is True
        assert status["benchmark"]["throughputPerSecond"] > 0
        name = artifact["metadata"]["name"]
        assert node_of(world, "compile", name) not in with_devices
        assert node_of(world, "verify", name) in with_devices
        assert node_of(world, "server", "afar") in with_devices
        assert "PASS" in world.ask("features", "afar", "/models/gpt2")
    finally:
        world.remove("afar")
