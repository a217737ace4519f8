"""The documentation names what the code has, and what it shows can be read by the programs it is for."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from neuron_operator.terms.reasons import Reason

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_row(reason: Reason) -> None:
    rows = [line for line in (DOCS / "reasons.md").read_text().splitlines() if line.startswith("| `")]
    assert any(f"`{reason.value}`" in row.split("|")[1] for row in rows)


class Strict(yaml.SafeLoader):
    """Reads YAML as kubectl does: a key that stands twice is an error."""


def _mapping(loader: Strict, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    keys = [key.value for key, _ in node.value]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise yaml.constructor.ConstructorError(None, None, f"twice: {twice}", node.start_mark)
    return loader.construct_mapping(node, deep)


Strict.add_constructor("tag:yaml.org,2002:map", _mapping)


def _shown() -> Iterator[tuple[str, str]]:
    """Each YAML that users are given, by its place: files, and blocks of the pages."""
    for folder in ("crds", "examples", "charts/neuron-operator"):
        for path in sorted((ROOT / folder).rglob("*.yaml")):
            if "templates" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_text()
    for path in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))):
        for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)):
            yield f"{path.relative_to(ROOT)}:{number}", block


@pytest.mark.parametrize(("place", "text"), [pytest.param(*each, id=each[0]) for each in _shown()])
def test_every_yaml_that_is_shown_can_be_read_by_kubectl(place: str, text: str) -> None:
    assert list(yaml.load_all(text, Strict)), place
