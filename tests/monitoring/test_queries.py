"""Each query of the dashboards and of the guide is one that Prometheus evaluates, and finds something."""

import re
from pathlib import Path

import pytest
from monitoring import promtool
from support.monitoring import DOCS, filled_in, queries

MODEL = 'namespace="team", model="gpt2"'
OF_SERVER = f'{MODEL}, pod="gpt2-1", door="tensor"'
ARTIFACT = 'namespace="team", artifact="gpt2-0"'
OPERATOR = 'namespace="system", job="operator", instance="a", pod="operator-1"'


def models(name: str, labels: str = "") -> str:
    return f"neuron_operator_neuronmodel_{name}{{{MODEL}{labels}}}"


# What a Prometheus has of an operator and of two models that serve, one with each runtime.
EVERYTHING = {
    models("phase", ', phase="Ready", reason="Serving"'): "1x120",
    models("condition", ', condition="Ready"'): "1x120",
    models("info", ', digest="0"'): "1x120",
    models("replicas_wanted"): "2x120",
    models("replicas_ready"): "2x120",
    models("replicas"): "2x120",
    models("server_workers"): "1x120",
    models("server_restarts"): "0x120",
    models("server_dollars_per_hour"): "0.76x120",
    models("benchmark_p99_seconds"): "0.1x120",
    models("benchmark_rows_per_second"): "48x120",
    models("benchmark_dollars_per_million_rows"): "4x120",
    f'neuron_operator_neuronartifact_phase{{{ARTIFACT}, phase="Ready"}}': "1x120",
    f"neuron_operator_neuronartifact_size_bytes{{{ARTIFACT}}}": "1000x120",
    f"neuron_operator_neuronartifact_users{{{ARTIFACT}}}": "1x120",
    f"neuron_operator_queue_depth{{{OPERATOR}}}": "0x120",
    f"neuron_operator_leading{{{OPERATOR}}}": "1x120",
    f'neuron_operator_compile_seconds_sum{{{OPERATOR}, target="cpu", step="total"}}': "60x120",
    f'neuron_operator_compile_seconds_count{{{OPERATOR}, target="cpu", step="total"}}': "1x120",
    f'neuron_operator_compile_seconds_bucket{{{OPERATOR}, target="cpu", step="total", le="60"}}': "1x120",
    f'neuron_operator_compile_seconds_bucket{{{OPERATOR}, target="cpu", step="total", le="+Inf"}}': "1x120",
    f'neuron_operator_gate_results_total{{{OPERATOR}, gate="parity", result="passed"}}': "1x120",
    f"neuron_requests_total{{{OF_SERVER}}}": "0+60x120",
    f'neuron_request_failures_total{{{OF_SERVER}, class="internal"}}': "0x120",
    f"neuron_batches_total{{{OF_SERVER}}}": "0+10x120",
    f"neuron_batch_rows_total{{{OF_SERVER}}}": "0+60x120",
    f"neuron_padding_rows_total{{{OF_SERVER}}}": "0+20x120",
    f"neuron_compute_seconds_total{{{OF_SERVER}}}": "0+30x120",
    f"neuron_load_seconds{{{OF_SERVER}}}": "3x120",
    f'neuron_artifact_info{{{OF_SERVER}, digest="0"}}': "1x120",
    f"nv_inference_request_duration_us{{{MODEL}}}": "0+6000000x120",
    f"nv_inference_queue_duration_us{{{MODEL}}}": "0+600000x120",
    f"nv_inference_request_success{{{MODEL}}}": "0+60x120",
    'ts_inference_latency_microseconds_total{namespace="team", model_name="bert"}': "0+6000000x120",
    'ts_inference_requests_total{namespace="team", model_name="bert"}': "0+60x120",
}


def shown() -> list[str]:
    """What the guide has people ask Prometheus."""
    page = (DOCS / "monitoring.md").read_text()
    blocks = re.findall(r"```promql\n(.*?)```", page, re.DOTALL)
    triggers = re.findall(r"^ +query: (.*)$", page, re.MULTILINE)
    assert blocks
    assert triggers
    return [*blocks, *triggers]


def test_every_panel_finds_something(tmp_path: Path) -> None:
    asked = {(f"count({filled_in(query)}) > bool 0", "90m"): 1.0 for _, _, query in queries()}
    promtool.evaluate(tmp_path, EVERYTHING, asked)


def test_a_query_that_finds_nothing_is_found(tmp_path: Path) -> None:
    with pytest.raises(promtool.Wrong):
        promtool.evaluate(tmp_path, EVERYTHING, {("count(neuron_no_such_metric) > bool 0", "90m"): 1.0})


@pytest.mark.parametrize("query", shown())
def test_what_the_guide_asks_can_be_asked(query: str, tmp_path: Path) -> None:
    promtool.evaluate(tmp_path, EVERYTHING, {(f"count({query}) > bool -1 or vector(1)", "90m"): 1.0})


def test_the_recorded_figures_are_what_they_say(tmp_path: Path) -> None:
    promtool.evaluate(
        tmp_path,
        EVERYTHING,
        {
            # 30 of 120 seconds; 0.76 dollars an hour twice, for a row a second; 3 s a call, 0.1 s measured.
            ("sum(neuron_operator:model_busy:ratio)", "90m"): 0.25,
            ("round(sum(neuron_operator:model_dollars_per_million_rows:rate1h), 0.01)", "90m"): 422.22,
            ("round(sum(neuron_operator:model_call_by_benchmark:ratio))", "90m"): 30,
            ("sum(neuron_operator:model_failures:ratio)", "90m"): 0,
        },
    )
