"""A tenant whose model means harm, end to end: while it compiles and where it is served it gets nothing that
is not its own, what it writes harms no reader, and a neighbour's server answers all the while.
"""

import json
from pathlib import Path
from typing import Any

from e2e import hostile_model
from e2e.conftest import NAMESPACE, World
from support.kube import Refused, condition
from support.wait import eventually

SOURCE = Path(hostile_model.__file__)
SECRET = "opens-the-door-of-the-hub"  # noqa: S105
WRITE = "import pathlib, sys; p = pathlib.Path(sys.argv[1]); p.mkdir(exist_ok=True); " + (
    "[(p / name).write_text(text) for name, text in zip(sys.argv[2::2], sys.argv[3::2])]"
)
NOTHING = {
    "secrets in the environments": [],
    "tokens": [],
    "others' artifacts": [],
    "written": [],
    "root": False,
}


def test_a_model_that_means_harm_gets_nothing_and_harms_nobody(world: World) -> None:
    write = ("python", "-c", WRITE, "/models/hostile")
    files = ("neuron_model.py", SOURCE.read_text(), "secret.txt", SECRET, "config.json", "{}")
    world.kube.run_job(world.toolbox.job("seed-hostile", *write, *files))
    named = {"name": "hub-token", "namespace": NAMESPACE}
    token = {"kind": "Secret", "apiVersion": "v1", "metadata": named, "stringData": {"token": SECRET}}
    world.kube.apply(token, world.model("neighbour"))
    world.ready("neighbour")
    own = {"trustRemoteCode": True, "task": "custom", "secretRef": {"name": "hub-token"}}
    hostile = world.model("hostile", "hf://example/hostile", model=own)
    del hostile["spec"]["compile"]["sequenceLengths"]
    world.kube.apply(hostile)
    try:
        compiled = _compiled(world)
        _got_nothing(compiled)
        found = world.ready("hostile")
        _answers(world, "neighbour")
        served = _in_the_server(world)
        # The server may read what the namespace has published (docs/security.md).
        _got_nothing({**served, "others' artifacts": []})
        _is_printable(found)
        _answers(world, "neighbour")
        assert condition(world.get("neighbour"), "Ready")["status"] == "True"
    finally:
        world.remove("hostile", "neighbour")
        world.kube.delete("secret", "hub-token", NAMESPACE)


def _compiled(world: World) -> dict[str, Any]:
    """What the model's code got in the compiling container, by that container's log."""

    def probe() -> str | None:
        pods = world.kube.list("pods", NAMESPACE, "app.kubernetes.io/component=compile")
        for pod in pods:
            if "hostile" not in pod["metadata"]["name"]:
                continue
            try:
                log = world.kube.logs(pod["metadata"]["name"], NAMESPACE, "-c", "compile", "--tail", "200")
            except Refused:  # the container has not begun
                continue
            lines = [line for line in log.splitlines() if line.startswith(hostile_model.MARK)]
            if lines:
                assert "\x1b" not in log, "what a model prints is printable"
                return lines[-1]
        return None

    line = eventually(probe, what="the model's code tells what it got", timeout=300)
    return dict(json.loads(line.removeprefix(hostile_model.MARK)))


def _in_the_server(world: World) -> dict[str, Any]:
    (pod,) = world.kube.list("pods", NAMESPACE, "neuron-operator.dev/model=hostile")
    command = ("exec", pod["metadata"]["name"], "-n", NAMESPACE, "-i", "--", "python3", "-", SECRET)
    said = world.kube.kubectl(*command, stdin=SOURCE.read_text())
    return dict(json.loads(said.strip().splitlines()[-1].removeprefix(hostile_model.MARK)))


def _got_nothing(found: dict[str, Any]) -> None:
    assert {name: found[name] for name in NOTHING} == NOTHING
    assert found["api"] in (None, 401, 403), "the API server knows nobody"


def _is_printable(found: dict[str, Any]) -> None:
    assert not any(letter in json.dumps(found, ensure_ascii=False) for letter in ("\x1b", "\x07"))


def _answers(world: World, name: str) -> None:
    ask = "import urllib.request, sys; print(urllib.request.urlopen(sys.argv[1], timeout=30).status)"
    url = f"http://{name}.{NAMESPACE}.svc:8000/v2/models/{name}/ready"
    assert "200" in world.kube.run_job(world.toolbox.job(f"ask-{name}", "python", "-c", ask, url))
