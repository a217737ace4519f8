"""Each alert has a section that says what to do, in words that the rest of the documentation has."""

import re

import pytest
from neuron_operator.terms.reasons import Reason
from support.monitoring import DOCS, alerts

PAGE = (DOCS / "runbooks.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_the_sections_are_the_alerts_in_their_order() -> None:
    assert list(SECTIONS) == list(alerts())


@pytest.mark.parametrize("name", list(alerts()))
def test_a_section_says_what_to_look_at_and_what_to_do(name: str) -> None:
    assert "```console\n$ " in SECTIONS[name]
    assert len(SECTIONS[name].split()) > 30


def test_the_reasons_that_are_named_are_reasons() -> None:
    known = {reason.value for reason in Reason}
    # In a table of a section: a reason, and what helps.
    named = {
        reason
        for row in re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
        for reason in re.findall(r"`(\w+)`", row)
    }
    assert named
    assert named <= known


def test_what_leads_to_a_failed_artifact_leads_to_the_reasons_page() -> None:
    assert "(reasons.md#when-compiling-fails)" in SECTIONS["NeuronArtifactFailed"]
    headings = re.findall(r"^## (.*)$", (DOCS / "reasons.md").read_text(), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-").replace("'", "") for heading in headings}
    assert set(re.findall(r"\(reasons\.md#([\w-]+)\)", PAGE)) <= anchors
