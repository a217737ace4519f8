"""What is asked of Prometheus is what the operator and the servers tell it."""

import re
from pathlib import Path

import pytest
from neuron_operator.world import fleet, metrics
from neuron_torchserve.metrics import TorchServeMetrics
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from support.monitoring import (
    DOCS,
    OF_SERVERS,
    OF_TORCHSERVE,
    OF_TRITON,
    alerts,
    metrics_in,
    queries,
    rules,
)

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def told() -> set[str]:
    """Every name that a scrape of the operator or of a server can have, and those that rules record."""
    assert fleet.MODELS
    assert metrics.LEADING
    own = {
        f"{family.name}{suffix}"
        for family in REGISTRY.collect()
        for suffix in _SUFFIXES.get(family.type, ("",))
    }
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    return own | {name for name, _ in OF_SERVERS} | OF_TRITON | OF_TORCHSERVE | recorded


@pytest.mark.parametrize("expression", [rule["expr"] for rule in rules()])
def test_a_rule_asks_for_metrics_that_there_are(expression: str) -> None:
    assert metrics_in(expression)
    assert metrics_in(expression) <= told()


@pytest.mark.parametrize(("board", "panel", "query"), list(queries()))
def test_a_panel_asks_for_metrics_that_there_are(board: str, panel: str, query: str) -> None:
    assert metrics_in(query)
    assert metrics_in(query) <= told()


def test_the_guide_names_metrics_that_there_are() -> None:
    page = (DOCS / "monitoring.md").read_text()
    named = {name for name in re.findall(r"`(neuron_operator[\w:]*)", page) if not name.endswith("_")}
    histograms = {family.name for family in REGISTRY.collect() if family.type == "histogram"}
    assert named
    assert named <= told() | histograms


def test_every_metric_of_one_resource_has_a_row_in_the_guide() -> None:
    page = (DOCS / "monitoring.md").read_text()
    families = [*fleet.MODELS.collect(), *fleet.ARTIFACTS.collect()]
    assert [family.name for family in families if f"`{family.name}" not in page] == []


# As TorchServe 0.12 writes them.
TORCHSERVES = """\
# TYPE ts_inference_requests_total counter
ts_inference_requests_total{model_name="bert",model_version="default",hostname="a",} 5.0
# TYPE ts_inference_latency_microseconds counter
ts_inference_latency_microseconds{model_name="bert",model_version="default",hostname="a",} 1200.0
"""


def test_torchserves_counters_have_the_names_under_which_its_front_passes_them_on(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text(TORCHSERVES)
    registry = CollectorRegistry()
    registry.register(TorchServeMetrics((tmp_path / "metrics").as_uri()))
    lines = generate_latest(registry).decode().splitlines()
    assert {line.partition("{")[0] for line in lines if not line.startswith("#")} == OF_TORCHSERVE


def test_a_misspelt_metric_would_be_found() -> None:
    assert not metrics_in('rate(neuron_request_total{class="neuron_x"}[5m])') <= told()


def test_alerts_say_how_bad_it_is_in_one_of_three_words() -> None:
    assert {alert["labels"]["severity"] for alert in alerts().values()} == {"critical", "warning", "info"}
