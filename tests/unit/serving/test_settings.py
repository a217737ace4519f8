"""The serving container's environment."""

from pathlib import Path

import pytest
from neuron_serving.failure import ServingError
from neuron_serving.settings import Settings, cpus, parse

GIVEN = {
    "MODEL_NAME": "gpt2",
    "ARTIFACT_DIGEST": "0" * 32,
    "STORE_PATH": "/artifacts",
    "TARGET": "inf2",
    "SERVING_CORES": "2",
    "CPU_LIMIT": "3500",
    "CPU_REQUEST": "1000",
}


def test_the_environment_is_read() -> None:
    assert parse(GIVEN, 8) == Settings("gpt2", "0" * 32, Path("/artifacts"), "inf2", 2, 3)


def test_what_is_asked_for_only_sometimes_is_read() -> None:
    given = {"BATCH_ROWS": "16", "BATCH_DELAY": "0", "LOCAL_COPY": "true", "REQUEST_LOG": "true"}
    asked = parse({**GIVEN, **given}, 8)
    assert (asked.batch_rows, asked.batch_delay, asked.local_copy) == (16, 0, True)
    assert asked.request_log
    plain = parse(GIVEN, 8)
    assert (plain.batch_rows, plain.batch_delay, plain.local_copy) == (None, None, False)
    assert not plain.request_log


def test_a_cpu_has_one_core_whatever_is_asked() -> None:
    assert parse({**GIVEN, "TARGET": "cpu"}, 8).cores == 1


@pytest.mark.parametrize(
    ("target", "family"),
    [("cpu", "cpu"), ("inf1", "neuron"), ("inf2", "neuronx"), ("trn1", "neuronx"), ("trn2", "neuronx")],
)
def test_every_target_belongs_to_a_family(target: str, family: str) -> None:
    assert parse({**GIVEN, "TARGET": target}, 8).family == family


@pytest.mark.parametrize("name", ["MODEL_NAME", "ARTIFACT_DIGEST", "TARGET"])
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ServingError, match=name) as raised:
        parse({**GIVEN, name: ""}, 8)
    assert raised.value.reason == "SettingsInvalid"


@pytest.mark.parametrize(
    ("name", "value"), [("TARGET", "gpu"), ("SERVING_CORES", "two"), ("CPU_LIMIT", "-1")]
)
def test_a_value_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(ServingError, match=f"{name} is '{value}'"):
        parse({**GIVEN, name: value}, 8)


@pytest.mark.parametrize(
    ("limit", "request_", "visible", "expected"),
    [
        (2000, 1000, 8, 2),
        (3900, 1000, 8, 3),
        (250, 100, 8, 1),
        (64000, 1000, 8, 8),
        (0, 4000, 8, 4),
        (0, 0, 8, 8),
    ],
)
def test_threads_follow_the_limit_and_never_exceed_the_machine(
    limit: int, request_: int, visible: int, expected: int
) -> None:
    assert cpus(limit, request_, visible) == expected
