"""What applies from Git again and again: a dry run and a second apply find nothing to change."""

import json
from pathlib import Path

import yaml
from hollow.world import World
from support.kube import Kube, Object

ROOT = Path(__file__).resolve().parents[2]
APPLY = ("apply", "--server-side", "--field-manager=flux", "-o", "json", "-f", "-")


def written() -> list[Object]:
    """Every resource of the examples, and those of the golden objects, which name every field."""
    texts = [
        path.read_text() for path in (*ROOT.glob("examples/*.yaml"), *ROOT.glob("tests/golden/models/*.yaml"))
    ]
    found = [each for text in texts for each in yaml.safe_load_all(text) if each]
    ours = [each for each in found if each.get("kind") in ("NeuronModel", "NeuronArtifact")]
    return [{**each, "metadata": {"name": each["metadata"]["name"]}} for each in ours]


def applied(kube: Kube, namespace: str, obj: Object, *how: str) -> Object:
    found: Object = json.loads(kube.kubectl(*APPLY, *how, "-n", namespace, stdin=yaml.safe_dump(obj)))
    return found


def same(before: Object, after: Object) -> bool:
    # Not its resourceVersion: the first write after the creation stores the status that the CRD has for what
    # nobody watches, which a creation leaves out.
    return bool(before["metadata"]["generation"] == after["metadata"]["generation"]) and bool(
        before["spec"] == after["spec"]
    )


def test_nothing_that_is_written_differs_the_second_time(kube: Kube, namespace: str) -> None:
    objects = written()
    assert len(objects) > 20
    for obj in objects:
        before = applied(kube, namespace, obj)
        assert same(before, applied(kube, namespace, obj, "--dry-run=server")), obj["metadata"]["name"]
        assert same(before, applied(kube, namespace, obj)), obj["metadata"]["name"]


def test_nor_does_a_model_that_serves(world: World) -> None:
    obj = world.model("from-git", serving={"podTemplate": {"metadata": {"labels": {"team": "a"}}}})
    applied(world.kube, world.namespace, obj)
    before = world.ready("from-git")
    after = applied(world.kube, world.namespace, obj)
    assert (before["metadata"]["generation"], before["spec"]) == (
        after["metadata"]["generation"],
        after["spec"],
    )
    assert world.ready("from-git")["metadata"]["generation"] == before["metadata"]["generation"]
