"""tritonserver's command line and environment."""

from pathlib import Path

from neuron_triton import command, guard


def test_the_server_serves_one_repository_and_changes_nothing_while_it_runs() -> None:
    arguments = command.arguments(Path("/tmp/models"), "secret")
    assert "--model-repository=/tmp/models" in arguments
    assert "--model-control-mode=none" in arguments
    assert "--strict-readiness=true" in arguments


def test_requests_in_flight_are_given_less_time_than_the_pods_grace_period() -> None:
    (timeout,) = [a for a in command.arguments(Path("/m"), "k") if a.startswith("--exit-timeout-secs=")]
    leaving_the_endpoints = 5
    assert 0 < int(timeout.partition("=")[2]) < 60 - leaving_the_endpoints - guard.DRAIN_SECONDS


def test_a_grpc_connection_ends_within_the_time_in_which_the_server_drains() -> None:
    (age,) = [a for a in command.arguments(Path("/m"), "k") if a.startswith("--grpc-max-connection-age=")]
    # gRPC takes up to a tenth more.
    assert 1.1 * int(age.partition("=")[2]) / 1000 < guard.DRAIN_SECONDS


def test_the_servers_own_http_port_is_reached_through_the_guard_alone() -> None:
    arguments = command.arguments(Path("/m"), "k")
    assert "--http-address=127.0.0.1" in arguments
    assert f"--http-port={guard.TRITON_PORT}" in arguments


def test_clients_cannot_map_memory_or_write_files_over_either_protocol() -> None:
    arguments = command.arguments(Path("/m"), "secret")
    for option in ("--http-restricted-api", "--grpc-restricted-protocol"):
        (value,) = [a.partition("=")[2] for a in arguments if a.startswith(f"{option}=")]
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
