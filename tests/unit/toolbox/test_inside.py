"""Where the time of a window went, read from the counters of a server."""

import pytest
from toolbox.load.inside import Shares, Totals

METRICS = """\
# HELP neuron_batches_total Calls of a compiled module
# TYPE neuron_batches_total counter
neuron_batches_total{door="tensor",model="gpt2",worker="1"} 30
neuron_batches_total{door="tensor",model="gpt2",worker="2"} 10
# TYPE neuron_batch_rows_total counter
neuron_batch_rows_total{door="tensor",model="gpt2"} 240
# TYPE neuron_padding_rows_total counter
neuron_padding_rows_total{door="tensor",model="gpt2"} 80
# TYPE neuron_compute_seconds_total counter
neuron_compute_seconds_total{door="tensor",model="gpt2"} 5.5
# TYPE nv_inference_count counter
nv_inference_count{model="gpt2"} 7
"""


def test_the_counters_of_all_processes_are_added_up() -> None:
    assert Totals.parse(METRICS) == Totals(40, 240, 80, 5.5)


def test_a_counter_that_nothing_was_added_to_is_zero() -> None:
    assert Totals.parse("") == Totals(0, 0, 0, 0)


def test_shares_are_those_of_the_time_between_two_moments() -> None:
    before, after = Totals(10, 40, 0, 1.0), Totals(20, 100, 20, 5.0)
    assert Shares.between(before, after, seconds=5.0, client_seconds=0.5) == Shares(
        compute=0.8, rows_per_call=6.0, padding=0.25, rows_per_compute_second=15.0, client_cores=0.1
    )


def test_a_server_that_computed_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no call"):
        Shares.between(Totals(1, 1, 0, 1), Totals(1, 1, 0, 1), seconds=5.0, client_seconds=0.5)
