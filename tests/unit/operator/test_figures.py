"""What Prometheus is told of each model and artifact, and what is left of it when it is gone."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from neuron_operator.artifacts.figures import Ending, ending, of_artifact
from neuron_operator.models.figures import of_model
from neuron_operator.models.observed import Observed
from neuron_operator.reading.objects import Object
from neuron_operator.terms import gauges
from neuron_operator.terms.gauges import Family, Sample
from neuron_operator.terms.reasons import Reason
from neuron_operator.world.fleet import Fleet
from prometheus_client import CollectorRegistry, generate_latest
from unit.operator.artifact_world import artifact_of, observed, ready_status
from unit.operator.model_world import World, serving
from unit.operator.worlds import SETTINGS, artifact_body, pod

PRICED = replace(SETTINGS, prices={"inf2": 0.76})
BENCHMARK: Object = {"p99Milliseconds": 25.0, "throughputPerSecond": 48.0, "costPerMillion": 4.4}


def told(world: World, **around: Any) -> dict[str, float]:
    """The samples of a model by the metric's name, and of conditions by theirs."""
    surroundings = Observed({}, {}, deployment=world.find("Deployment"), pods=world.pods, **around)
    return by_name(of_model(world.model, surroundings, world.settings, world.status))


def by_name(samples: Iterable[Sample]) -> dict[str, float]:
    found = {}
    for sample in samples:
        condition = sample.labels.get("condition")
        found[condition or sample.family.name] = sample.value
    return found


def test_a_model_that_serves_tells_of_its_servers_and_of_what_was_measured() -> None:
    world = World()
    world.reconcile()
    world.publish(benchmark=BENCHMARK)
    world.reconcile()
    world.serve()
    world.pods = [pod(owner="x", container="server", restartCount=2)]
    world.reconcile()
    found = told(world)
    assert found["Ready"] == 1
    assert found["Stalled"] == 0
    assert found[gauges.MODEL_WANTED.name] == 1
    assert found[gauges.MODEL_READY.name] == 1
    assert found[gauges.MODEL_RESTARTS.name] == 2
    assert found[gauges.MODEL_P99.name] == 0.025
    assert found[gauges.MODEL_COST.name] == 4.4


def test_the_labels_of_a_model_name_its_artifact_its_phase_and_its_reason() -> None:
    world = serving()
    samples = {
        sample.family: sample.labels
        for sample in of_model(
            world.model,
            Observed({}, {}, deployment=world.find("Deployment")),
            world.settings,
            world.status,
        )
    }
    assert samples[gauges.MODEL_PHASE] == {"phase": "Ready", "reason": "Serving"}
    assert samples[gauges.MODEL_INFO]["digest"] == world.served_digest()
    assert set(samples[gauges.MODEL_INFO]) == set(gauges.MODEL_INFO.labels)


def test_a_model_that_compiles_tells_of_no_servers_yet() -> None:
    world = World()
    world.reconcile()
    found = told(world)
    assert found["Ready"] == 0
    assert not {gauges.MODEL_INFO.name, gauges.MODEL_WANTED.name, gauges.MODEL_P99.name} & set(found)


def test_the_price_of_a_server_is_the_models_own_or_the_charts_for_its_target() -> None:
    for spec, expected in (
        ({"target": "inf2"}, 0.76),
        ({"target": "inf2", "compile": {"benchmark": {"pricePerHour": "0.5"}}}, 0.5),
        ({"target": "cpu"}, None),
    ):
        model = World(**spec).model
        found = by_name(of_model(model, Observed({}, {}), PRICED, {"phase": "Pending"}))
        assert found.get(gauges.MODEL_PRICE.name) == expected


def test_a_server_computes_as_many_calls_at_a_time_as_it_has_cores_or_pipelines_of_them() -> None:
    for target, spec, expected in (
        ("cpu", {}, 1),
        ("inf2", {"serving": {"cores": 2}}, 2),
        ("inf1", {"serving": {"cores": 4}, "compile": {"neuron": {"pipelineCores": 2}}}, 2),
    ):
        model = World(target=target, **spec).model
        deployment = {"spec": {"replicas": 1}}
        status = {"phase": "Ready", "artifact": {"name": "a", "digest": "d"}}
        found = by_name(of_model(model, Observed({}, {}, deployment=deployment), SETTINGS, status))
        assert found[gauges.MODEL_WORKERS.name] == expected


def test_what_a_compile_pod_reports_instead_of_a_number_is_not_told() -> None:
    status = ready_status(benchmark={"p99Milliseconds": "x"}, sizeBytes=True)
    world = serving()
    shown = world.status | {"benchmark": status["benchmark"]}
    assert gauges.MODEL_P99.name not in by_name(of_model(world.model, Observed({}, {}), SETTINGS, shown))
    found = by_name(of_artifact(artifact_of(artifact_body()), observed(), SETTINGS, status))
    assert gauges.ARTIFACT_SIZE.name not in found


def test_an_artifact_tells_when_its_files_were_found_damaged() -> None:
    status = ready_status(healedAt="2026-01-01T12:00:00Z")
    found = by_name(of_artifact(artifact_of(artifact_body()), observed(), SETTINGS, status))
    assert found[gauges.ARTIFACT_DAMAGED.name] == 1767268800
    assert found[gauges.ARTIFACT_SIZE.name] == 548105171


SECONDS = {"fetch": 2.0, "compile": 50.0, "total": 61.5, "model's own": 1.0}


def ended(before: Object | None, after: Object) -> Ending | None:
    return ending(artifact_of(artifact_body(status=before)), after)


def test_a_compile_is_counted_when_status_tells_of_it_for_the_first_time() -> None:
    status = ready_status(seconds=SECONDS)
    assert ended({"phase": "Compiling"}, status) == Ending(
        "cpu", {"fetch": 2.0, "compile": 50.0, "total": 61.5}, {"parity": True}
    )
    assert ended(status, status) is None


def test_what_verifies_is_counted_without_the_compile_before_it() -> None:
    before = ready_status(seconds=SECONDS)
    after = before | {
        "completedAt": "2026-01-01T13:00:00Z",
        "seconds": SECONDS | {"verify": 9.0, "total": 12.0},
        "benchmark": {"passed": False},
    }
    assert ended(before, after) == Ending(
        "cpu", {"verify": 9.0, "total": 12.0}, {"parity": True, "benchmark": False}
    )


def test_a_failure_is_counted_once_by_its_reason() -> None:
    failed = {"failure": {"reason": "ParityFailed", "time": "2026-01-01T12:00:00Z"}}
    assert ended({}, failed) == Ending("cpu", {}, {}, Reason.PARITY_FAILED)
    assert ended(failed, failed) is None
    again = {"failure": {"reason": "No Such Reason", "time": "2026-01-01T12:09:00Z"}}
    assert ended(failed, again) == Ending("cpu", {}, {}, Reason.COMPILER_CRASHED)


PHASE = Family("phase", "The phase.", ("phase",))


def scraped(fleet: Fleet) -> list[str]:
    registry = CollectorRegistry()
    registry.register(fleet)
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_a_resource_has_the_series_of_its_last_reconcile_and_none_when_it_is_gone() -> None:
    fleet = Fleet("model", (PHASE,), Family("untold", "Others."))
    fleet.record("team", "gpt2", [Sample(PHASE, 1, {"phase": "Compiling"})])
    fleet.record("team", "gpt2", [Sample(PHASE, 1, {"phase": "Ready"})])
    assert scraped(fleet) == ['phase{model="gpt2",namespace="team",phase="Ready"} 1.0', "untold 0.0"]
    fleet.forget("team", "gpt2")
    assert scraped(fleet) == ["untold 0.0"]


def test_more_resources_than_a_prometheus_bears_are_counted_and_not_told() -> None:
    fleet = Fleet("model", (PHASE,), Family("untold", "Others."), most=2)
    for name in ("a", "b", "c"):
        fleet.record("team", name, [Sample(PHASE, 1, {"phase": "Ready"})])
    lines = scraped(fleet)
    assert len(lines) == 3
    assert lines[-1] == "untold 1.0"


def test_every_model_has_the_same_number_of_series_whatever_happens_to_it() -> None:
    """Beside conditions, which are eleven at most, each metric has one series for a resource."""
    world = serving()
    samples = [
        sample
        for sample in of_model(world.model, Observed({}, {}), SETTINGS, world.status)
        if sample.family is not gauges.MODEL_CONDITION
    ]
    assert len({sample.family for sample in samples}) == len(samples)
