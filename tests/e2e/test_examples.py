"""The examples as they lie in the repository, with models that the tests put where their uris point; that of
MiniLM is part of the demo.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cluster import addons, tools
from e2e.conftest import NAMESPACE, SMALL, World
from support.images import ROOT
from support.kube import Object

EXAMPLES = ROOT / "examples"
S3_PORT = 7070
KEYS = {"AWS_ACCESS_KEY_ID": "examples", "AWS_SECRET_ACCESS_KEY": "only-for-this-test"}
S3_ENDPOINT = f"http://s3.{NAMESPACE}.svc:{S3_PORT}"


def example(file: str) -> Object:
    """An example with resources for a small machine, and the compiler that takes seconds."""
    (found,) = yaml.safe_load_all((EXAMPLES / file).read_text())
    found["metadata"]["namespace"] = NAMESPACE
    spec = found["spec"]
    spec["compile"] |= {"benchmark": {"seconds": 1}, "cpu": {"backend": "TorchScript"}, "resources": SMALL}
    spec["serving"] = {"runtime": spec.get("serving", {}).get("runtime", "Triton")}
    spec.pop("autoscaling", None)
    spec["replicas"] = 1
    return dict(found)


def seed(world: World, model: str, at: str, *options: str) -> str:
    """Put a model into a directory of the claim `models`, and return the directory."""
    where = f"/models/{at}"
    name = f"example-{at.rpartition('/')[2].lower()}"
    command = ("python", "-m", "toolbox.seed", model, *options, "--out", where)
    world.kube.run_job(world.toolbox.job(name, *command))
    return where


@pytest.mark.parametrize(
    ("file", "model", "options", "check"),
    [
        ("gpt2-cpu-neuronmodel.yaml", "gpt2", ("--layers", "2"), "features"),
        (
            "bert-mrpc-cpu-neuronmodel.yaml",
            "bert",
            ("--size", "base", "--layers", "2", "--labels", "not_equivalent", "equivalent"),
            "labels",
        ),
        (
            "zero-shot-cpu-neuronmodel.yaml",
            "bert",
            ("--size", "base", "--layers", "2", "--labels", "contradiction", "entailment", "neutral"),
            "labels",
        ),
        ("bert-large-cpu-neuronmodel.yaml", "bert", ("--size", "large", "--layers", "2"), "features"),
        ("resnet18-cifar10-cpu-neuronmodel.yaml", "resnet18", (), "pictures"),
    ],
)
def test_an_example_gives_the_answers_of_eager_mode(
    world: World, file: str, model: str, options: tuple[str, ...], check: str
) -> None:
    resource = example(file)
    name, uri = resource["metadata"]["name"], resource["spec"]["model"]["uri"]
    scheme, _, place = uri.partition("://")
    # The hub of the tests serves /models; the claim of the examples has the name of the tests' own.
    reference = seed(world, model, place if scheme == "hf" else place.partition("/")[2], *options)
    world.kube.apply(resource)
    try:
        world.ready(name)
        assert "PASS" in world.ask(check, name, reference, "--tolerance", "0.001")
        if resource["spec"]["serving"].get("runtime") == "TorchServe":
            assert "PASS" in world.ask("predictions", name, reference, "--tolerance", "0.001")
    finally:
        world.remove(name)


@pytest.fixture
def bucket(world: World) -> Iterator[None]:
    """A real S3 server as a pod, with a bucket that it makes when it is asked to."""
    image = addons.push(tools.S3, world.kube.cluster.registry)
    server = world.toolbox.server(
        "s3", S3_PORT, "/versitygw", "--port", f":{S3_PORT}", "posix", "--sidecar", "/tmp/meta", "/tmp/data"
    )
    pod: dict[str, Any] = server[0]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    container |= {"image": image, "env": env({"ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"]})}
    container["env"] += env({"ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]})
    container["volumeMounts"] = [
        {"name": "tmp", "mountPath": f"/tmp/{part}", "subPath": part} for part in ("meta", "data")
    ]
    world.kube.apply(*server)
    world.kube.kubectl("rollout", "status", "deployment/s3", "-n", NAMESPACE, "--timeout=120s")
    yield
    for kind in ("deployment", "service"):
        world.kube.delete(kind, "s3", NAMESPACE)


def env(variables: dict[str, str]) -> list[Object]:
    return [{"name": name, "value": value} for name, value in variables.items()]


def test_weights_in_a_bucket_are_served_with_keys_from_a_secret(world: World, bucket: None) -> None:
    resource = example("bert-sentiment-s3-cpu-neuronmodel.yaml")
    name, uri = resource["metadata"]["name"], resource["spec"]["model"]["uri"]
    reference = seed(
        world, "bert", "sentiment", "--size", "small", "--layers", "2", "--labels", "negative", "positive"
    )
    place, _, prefix = uri.removeprefix("s3://").partition("/")
    upload = world.toolbox.job("upload", "python", "-m", "toolbox.bucket", reference, place, prefix)
    keys = {**KEYS, "AWS_ENDPOINT_URL": S3_ENDPOINT}
    upload["spec"]["template"]["spec"]["containers"][0]["env"] = env(keys)
    world.kube.run_job(upload)
    secret = resource["spec"]["model"]["secretRef"]["name"]
    world.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret, "namespace": NAMESPACE},
            "stringData": keys,
        }
    )
    world.kube.apply(resource)
    try:
        status = world.ready(name)["status"]
        assert json.dumps(status).find(KEYS["AWS_SECRET_ACCESS_KEY"]) == -1
        assert "PASS" in world.ask("labels", name, reference)
    finally:
        world.remove(name)
        world.kube.delete("secret", secret, NAMESPACE)
