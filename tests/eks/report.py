"""What `make eks` found, as JSON and as Markdown that can be shown to others: without account numbers.
Pure."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eks.preflight import Check

_ACCOUNT = re.compile(r"\b\d{12}\b")


def content(checks: Iterable[Check], models: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything that was found; `verdict` is PASS, WRONG, or MISSING where nothing was tried."""
    listed = [{"name": check.name, "there": check.there, "found": check.found} for check in checks]
    wrong = [failure for model in models for failure in model["wrong"]]
    verdict = "MISSING" if not models else "WRONG" if wrong else "PASS"
    made = {"verdict": verdict, "preflight": listed, "models": list(models)}
    cleaned: dict[str, Any] = json.loads(_ACCOUNT.sub("<account>", json.dumps(made)))
    return cleaned


def markdown(found: Mapping[str, Any]) -> str:
    """The same to read."""
    lines = [f"# {found['verdict']}", "", "| needed | there | found |", "|---|---|---|"]
    lines += [f"| {each['name']} | {_yes(each['there'])} | {each['found']} |" for each in found["preflight"]]
    for model in found["models"]:
        lines += ["", f"## {model['name']} on {model['target']}", ""]
        lines += [f"- WRONG: {failure}" for failure in model["wrong"]] or ["- as it should be"]
        if model["cosine"] is not None:
            lines.append(f"- least cosine with its twin on the CPU: {model['cosine']:.5f}")
        status = {name: model["status"].get(name) for name in ("backend", "parity", "benchmark", "versions")}
        lines += ["", "```json", json.dumps(status, indent=2), "```"]
    return "\n".join(lines) + "\n"


def _yes(there: bool) -> str:
    return "yes" if there else "NO"
