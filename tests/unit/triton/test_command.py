"""tritonserver's command line and environment."""

from pathlib import Path

from neuron_serving.front import guard
from neuron_triton import command


def test_the_server_serves_one_repository_and_changes_nothing_while_it_runs() -> None:
    arguments = command.arguments(Path("/tmp/models"), "secret")
    assert "--model-repository=/tmp/models" in arguments
    assert "--model-control-mode=none" in arguments
    assert "--strict-readiness=true" in arguments


def test_requests_in_flight_are_given_less_time_than_the_pods_grace_period() -> None:
    (timeout,) = [a for a in command.arguments(Path("/m"), "k") if a.startswith("--exit-timeout-secs=")]
    leaving_the_endpoints = 5
    assert 0 < int(timeout.partition("=")[2]) < 60 - leaving_the_endpoints - guard.STOP_SECONDS


def test_clients_reach_the_server_through_the_guard_and_the_front_alone() -> None:
    arguments = command.arguments(Path("/m"), "k")
    assert "--http-address=127.0.0.1" in arguments
    assert f"--http-port={command.HTTP_PORT}" in arguments
    assert "--allow-grpc=false" in arguments


def test_clients_cannot_map_memory_or_write_files() -> None:
    arguments = command.arguments(Path("/m"), "secret")
    (value,) = [a.partition("=")[2] for a in arguments if a.startswith("--http-restricted-api=")]
    apis, _, key = value.partition(":")
    assert {"shared-memory", "trace", "logging"} <= set(apis.split(","))
    assert key == "restriction-key=secret"


def test_waiting_threads_do_not_spin_for_long() -> None:
    found = command.environment({"HOME": "/tmp"}, threads=2)
    spinning = {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "1000"}
    assert found == {"HOME": "/tmp", "OMP_NUM_THREADS": "2", **spinning}


def test_what_the_user_sets_for_threads_wins() -> None:
    chosen = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    assert command.environment(chosen, threads=2) == chosen
