"""Each alert fires when what it warns of happens, and clears when that is over; Prometheus evaluates them."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from monitoring import promtool
from support.monitoring import RULES, alerts

MODEL = 'namespace="team", model="gpt2"'
ARTIFACT = 'namespace="team", artifact="a"'
OPERATOR = 'namespace="system", job="operator", instance="a"'
# Samples, one a minute: bad for an hour and then good for one.
AN_HOUR_OF_1 = "1x60 0x60"
AN_HOUR_OF_0 = "0x60 1x60"
CONSTANT = "1x120"


@dataclass(frozen=True)
class Case:
    """What happens: one sample of each series a minute, and when the alert fires and no longer does."""

    alert: str
    series: dict[str, str]
    fires: str = "50m"
    clears: str = "119m"


def condition(name: str) -> str:
    return f'neuron_operator_neuronmodel_condition{{{MODEL}, condition="{name}"}}'


def phase(name: str) -> str:
    return f'neuron_operator_neuronmodel_phase{{{MODEL}, phase="{name}", reason="Test"}}'


def of_server(name: str, labels: str = "") -> str:
    return f'{name}{{{MODEL}, pod="gpt2-1", door="tensor"{labels}}}'


def of_model(name: str) -> str:
    return f"neuron_operator_neuronmodel_{name}{{{MODEL}}}"


CASES = [
    Case("NeuronModelNotReady", {condition("Ready"): AN_HOUR_OF_0, phase("Failed"): CONSTANT}),
    Case("NeuronModelStalled", {condition("Stalled"): AN_HOUR_OF_1}),
    Case("NeuronModelDegraded", {phase("Degraded"): "1x60 stale", phase("Ready"): "_x60 1x60"}),
    Case("NeuronModelParityMissed", {condition("ParityVerified"): AN_HOUR_OF_0}),
    # A restart every five minutes, and then none.
    Case("NeuronModelServersRestarting", {of_model("server_restarts"): "0+0.2x60 12x60"}),
    Case(
        "NeuronModelSaturated",
        {
            # Two servers of one worker each compute 118 of 120 seconds, and then 60.
            of_server("neuron_compute_seconds_total"): "0+118x60 7140+60x60",
            of_model("replicas_ready"): "2x120",
            of_model("server_workers"): CONSTANT,
        },
    ),
    Case(
        "NeuronModelFailing",
        {
            of_server("neuron_requests_total"): "0+100x120",
            of_server("neuron_request_failures_total", ', class="internal"'): "0+2x60 120x60",
        },
    ),
    Case(
        "NeuronModelSlowerThanMeasured",
        {
            # Ten calls a minute of 0.2 s, and then of 0.1 s; 0.1 s was measured.
            of_server("neuron_compute_seconds_total"): "0+2x60 120+1x60",
            of_server("neuron_batches_total"): "0+10x120",
            of_model("benchmark_p99_seconds"): "0.1x120",
        },
    ),
    Case("NeuronModelOnFallback", {condition("FallbackActive"): "1x100 0x60"}, "90m", "119m"),
    Case("NeuronModelImageOutdated", {condition("ImageOutdated"): "1x1500 stale"}, "1499m", "1510m"),
    Case(
        "NeuronArtifactFailed",
        {f'neuron_operator_neuronartifact_phase{{{ARTIFACT}, phase="Failed"}}': "1x60 stale"},
    ),
    Case(
        "NeuronArtifactDamaged",
        {
            f"neuron_operator_neuronartifact_damaged_timestamp_seconds{{{ARTIFACT}}}": "0x120",
        },
    ),
    Case("NeuronOperatorDown", {f"neuron_operator_leading{{{OPERATOR}}}": "_x60 1x60"}),
    Case("NeuronOperatorWithoutLeader", {f"neuron_operator_leading{{{OPERATOR}}}": AN_HOUR_OF_0}),
    Case(
        "NeuronOperatorStuck",
        {
            f"neuron_operator_queue_depth{{{OPERATOR}}}": "3x120",
            f"neuron_operator_leading{{{OPERATOR}}}": CONSTANT,
            # The last one ended at 0; then one ends every minute.
            f'neuron_operator_last_reconcile_timestamp_seconds{{{OPERATOR}, kind="a"}}': "0x60 3660+60x60",
        },
    ),
    Case(
        "NeuronOperatorFailing",
        {f'neuron_operator_reconcile_errors_total{{{OPERATOR}, kind="a"}}': "0+1x60 60x60"},
    ),
    Case("NeuronOperatorContested", {f"neuron_operator_contested_namespaces{{{OPERATOR}}}": AN_HOUR_OF_1}),
]


def firing(alert: str) -> str:
    return f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)'


def test_prometheus_takes_the_rules() -> None:
    assert "SUCCESS" in promtool.run("check", "rules", str(RULES))


def test_each_alert_has_a_case() -> None:
    assert [case.alert for case in CASES] == list(alerts())


@pytest.mark.parametrize("case", CASES, ids=[case.alert for case in CASES])
def test_an_alert_fires_and_clears(case: Case, tmp_path: Path) -> None:
    query = firing(case.alert)
    promtool.evaluate(tmp_path, case.series, {(query, case.fires): 1, (query, case.clears): 0})


QUIET = [
    # The first compile may take long.
    Case("NeuronModelNotReady", {condition("Ready"): "0x120", phase("Compiling"): CONSTANT}),
    # What waits in a replica that does not lead is another's to do.
    Case(
        "NeuronOperatorStuck",
        {
            f"neuron_operator_queue_depth{{{OPERATOR}}}": "3x120",
            f"neuron_operator_leading{{{OPERATOR}}}": "0x120",
        },
    ),
    # The clients' own errors.
    Case(
        "NeuronModelFailing",
        {
            of_server("neuron_requests_total"): "0+100x120",
            of_server("neuron_request_failures_total", ', class="invalid"'): "0+50x120",
        },
    ),
    # One of two replicas leads.
    Case(
        "NeuronOperatorWithoutLeader",
        {
            f"neuron_operator_leading{{{OPERATOR}}}": CONSTANT,
            'neuron_operator_leading{namespace="system", job="operator", instance="b"}': "0x120",
        },
    ),
    # Another number of pods is no restart.
    Case("NeuronModelServersRestarting", {of_model("server_restarts"): "1x30 0x30 1x60"}),
]


@pytest.mark.parametrize("case", QUIET, ids=[case.alert for case in QUIET])
def test_an_alert_is_quiet_where_nothing_is_wrong(case: Case, tmp_path: Path) -> None:
    query = firing(case.alert)
    promtool.evaluate(tmp_path, case.series, {(query, case.fires): 0, (query, case.clears): 0})
