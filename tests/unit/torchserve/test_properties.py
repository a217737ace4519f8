"""TorchServe's configuration."""

import json
from pathlib import Path

import pytest
from neuron_torchserve.archive import Served, properties


@pytest.fixture
def written() -> dict[str, str]:
    served = Served("gpt2", Path("/artifacts/0"), 2, 4, batch=8, delay_milliseconds=1, max_request_bytes=1024)
    lines = properties(served, Path("/tmp/store")).splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_nothing_of_torchserve_is_reachable_from_outside_the_pod(written: dict[str, str]) -> None:
    http = {name: value for name, value in written.items() if name in _HTTP}
    assert set(http) == set(_HTTP)
    assert all(value.startswith("http://127.0.0.1:") for value in http.values())
    assert {written[name] for name in ("grpc_inference_address", "grpc_management_address")} == {"127.0.0.1"}


def test_what_releases_changed_their_minds_about_is_said(written: dict[str, str]) -> None:
    said = {name: written[name] for name in ("disable_token_authorization", "enable_model_api")}
    assert said == {"disable_token_authorization": "true", "enable_model_api": "false"}


def test_every_core_has_a_worker_and_a_batch_is_a_compiled_one(written: dict[str, str]) -> None:
    model = json.loads(written["models"])["gpt2"]["1.0"]
    assert (model["minWorkers"], model["maxWorkers"]) == (2, 2)
    assert (model["batchSize"], model["maxBatchDelay"]) == (8, 1)
    assert (written["load_models"], model["marName"]) == ("gpt2.mar", "gpt2.mar")


def test_a_request_is_bounded_and_its_answer_may_be_large(written: dict[str, str]) -> None:
    assert written["max_request_size"] == "1024"
    assert int(written["max_response_size"]) > 1024**3


_HTTP = ("inference_address", "management_address", "metrics_address")
