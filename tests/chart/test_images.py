"""What images/build.py and the release workflow push is what the chart has the cluster pull."""

import json
from pathlib import Path

import pytest
import yaml
from chart.helm import ROOT, Helm, Object, sets, settings, the
from imagebuild import families, values
from imagebuild.build import Delivered, Target

REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
VERSION = "0.1.0"


def digest(name: str, family: str) -> str:
    """A digest that no two images share."""
    return "sha256:" + f"{name}{family}".encode().hex().rjust(64, "0")


def pushed(record: Path, *names: str) -> str:
    """What build.py writes after it has pushed these families."""
    recipes = {name: families.read(ROOT, name) for name in names}
    known: dict[str, values.Pushed] = {}
    for name, recipe in recipes.items():
        images = {
            image: Delivered(
                Target(REGISTRY, True, False).reference(image, "0123456789abcdef"), digest(image, name)
            )
            for image in (*(("operator",) if name == "cpu" else ()), *recipe.images)
        }
        known = values.remember(record, REGISTRY, name, images)
    return values.render(REGISTRY, known, recipes)


def operator_image(rendered: list[Object]) -> str:
    (container,) = the(rendered, "Deployment")["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


@pytest.mark.parametrize("names", [("cpu", "neuronx"), ("cpu", "neuron"), ("cpu", "neuronx", "neuron")])
def test_what_was_pushed_is_pulled_by_digest(helm: Helm, tmp_path: Path, names: tuple[str, ...]) -> None:
    written = tmp_path / "values-images.yaml"
    written.write_text(pushed(tmp_path / "pushed.json", *names))
    rendered = helm.template("--values", str(written), values=None)
    assert operator_image(rendered) == f"{REGISTRY}/neuron-operator/operator@{digest('operator', 'cpu')}"
    found = settings(rendered)
    for name in names:
        recipe = families.read(ROOT, name)
        assert found["toolchains"][name] == recipe.toolchain
        for image in recipe.images:
            assert found["images"][image][name] == f"{REGISTRY}/neuron-operator/{image}@{digest(image, name)}"


def test_what_was_pushed_under_the_charts_version_is_pulled_by_that_tag(helm: Helm) -> None:
    rendered = helm.template(*sets(f"images.registry={REGISTRY}"), values=None)
    target = Target(REGISTRY, True, False, VERSION)
    assert operator_image(rendered) == target.reference("operator", VERSION)
    images = settings(rendered)["images"]
    for name in families.FAMILIES:
        recipe = families.read(ROOT, name)
        for image in recipe.images:
            assert images[image][name] == target.reference(image, recipe.tag(VERSION))


def test_the_charts_own_defaults_are_what_the_release_workflow_publishes(helm: Helm) -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    registry = workflow["env"]["REGISTRY"]
    rendered = helm.template(values=None)
    assert operator_image(rendered) == f"{registry}/neuron-operator/operator:{VERSION}"
    images = settings(rendered)["images"]
    for image in families.read(ROOT, "cpu").images:
        assert images[image]["cpu"] == f"{registry}/neuron-operator/{image}:{VERSION}"


def test_the_charts_toolchains_are_those_of_the_recipes(helm: Helm) -> None:
    found = settings(helm.template(values=None))["toolchains"]
    assert found == {name: families.read(ROOT, name).toolchain for name in families.FAMILIES}


def test_the_version_is_the_charts() -> None:
    chart = yaml.safe_load((ROOT / "charts/neuron-operator/Chart.yaml").read_text())
    assert chart["appVersion"] == VERSION


def test_a_second_family_is_added_to_what_was_pushed_before(tmp_path: Path) -> None:
    record = tmp_path / "pushed.json"
    pushed(record, "cpu")
    pushed(record, "neuronx")
    assert set(json.loads(record.read_text())[REGISTRY]["compiler"]) == {"cpu", "neuronx"}
