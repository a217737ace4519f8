"""What the chart has for Prometheus and Grafana, and the metrics that its expressions ask for."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from neuron_serving import metricnames

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "charts/neuron-operator/files/monitoring/rules.yaml"
DASHBOARDS = RULES.with_name("dashboards.yaml")
DOCS = ROOT / "docs"

OF_SERVERS = (
    metricnames.REQUESTS,
    metricnames.FAILURES,
    metricnames.BATCHES,
    metricnames.BATCH_ROWS,
    metricnames.PADDING_ROWS,
    metricnames.COMPUTE_SECONDS,
    metricnames.LOAD_SECONDS,
    metricnames.ARTIFACT_INFO,
)
"""What both runtimes tell, with what it says."""
OF_TRITON = frozenset(
    {"nv_inference_request_duration_us", "nv_inference_request_success", "nv_inference_queue_duration_us"}
)
"""Triton's own, of those that are asked for."""
OF_TORCHSERVE = frozenset({"ts_inference_latency_microseconds_total", "ts_inference_requests_total"})
"""TorchServe's own, likewise, as the front passes them on."""

# A word of PromQL that is neither a function nor a label: names of metrics have a prefix of ours or theirs.
_METRIC = re.compile(r"\b(?:neuron_\w+(?::\w+)*|neuroncore_\w+|nv_\w+|ts_\w+)")


def rules() -> list[dict[str, Any]]:
    """All rules, those that record and those that warn."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """The alerts by their names."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def queries() -> Iterator[tuple[str, str, str]]:
    """Dashboard, panel and query of everything that the dashboards ask."""
    for name, board in yaml.safe_load(DASHBOARDS.read_text()).items():
        for panel in board["panels"]:
            for query in panel["queries"].values():
                yield name, panel["title"], query


def filled_in(query: str) -> str:
    """The query as Grafana sends it when everything is chosen."""
    return query.replace("$__rate_interval", "2m").replace("$namespace", ".*").replace("$model", ".*")


def metrics_in(expression: str) -> set[str]:
    """The names of the metrics in an expression."""
    without_texts = re.sub(r'"[^"]*"', '""', expression)
    return set(_METRIC.findall(without_texts))
