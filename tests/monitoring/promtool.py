"""Prometheus' own tool, which parses and evaluates rules as Prometheus does."""

import subprocess
from pathlib import Path
from typing import Any

import yaml
from support.debian import program
from support.monitoring import RULES


class Wrong(Exception):
    """promtool disagrees; the text is what it wrote."""


def run(*arguments: str) -> str:
    """Return what promtool writes; raises Wrong where it fails."""
    command = (str(program("prometheus", "promtool")), *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Wrong(done.stdout + done.stderr)
    return done.stdout


def evaluate(directory: Path, series: dict[str, str], expected: dict[tuple[str, str], float]) -> None:
    """Demand values of expressions at times, given series of one sample a minute. Raises Wrong.

    `expected`: the value of an expression without labels, by the expression and the time.
    """
    tests: list[dict[str, Any]] = [
        {"expr": expression, "eval_time": time, "exp_samples": [{"labels": "{}", "value": value}]}
        for (expression, time), value in expected.items()
    ]
    content = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": tests,
            }
        ],
    }
    path = directory / "test.yaml"
    path.write_text(yaml.safe_dump(content))
    run("test", "rules", str(path))
