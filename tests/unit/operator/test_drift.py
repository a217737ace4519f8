"""Drift: what counts as a difference."""

import pytest
from neuron_operator.plans.drift import drift
from neuron_operator.reading.objects import Object
from neuron_operator.reading.quantities import equal, parse, readable_size

CONTAINER = {"name": "server", "image": "a", "env": [{"name": "A", "value": "1"}]}


def _spec(**fields: object) -> Object:
    return {"spec": fields}


@pytest.mark.parametrize(
    ("desired", "observed"),
    [
        (_spec(a=1), {"spec": {"a": 1, "b": 2}, "status": {}}),
        (_spec(a=False, b=None, c=[], d={}, e=""), _spec()),
        (_spec(limits={"cpu": "1", "memory": "1024Mi"}), _spec(limits={"cpu": "1000m", "memory": "1Gi"})),
        (_spec(limits={"devices": "1"}), _spec(limits={"devices": 1})),
        (
            _spec(metrics=[{"type": "Pods", "averageValue": "0.5"}]),
            _spec(metrics=[{"type": "Pods", "averageValue": "500m"}]),
        ),
        (_spec(scaleDown={"tolerance": "0.05"}), _spec(scaleDown={"tolerance": "50m"})),
        (_spec(containers=[CONTAINER]), _spec(containers=[{"name": "sidecar"}, {**CONTAINER, "tty": True}])),
        (
            _spec(ports=[{"name": "a"}, {"name": "b"}]),
            _spec(ports=[{"name": "b", "nodePort": 9}, {"name": "a"}]),
        ),
        ({"apiVersion": "v1", "kind": "Pod"}, {}),
    ],
)
def test_what_the_server_adds_or_writes_differently_is_no_drift(desired: Object, observed: Object) -> None:
    assert drift(desired, observed) is None


@pytest.mark.parametrize(
    ("desired", "observed", "path"),
    [
        (_spec(a=1), _spec(a=2), "spec.a"),
        (_spec(a=1), {}, "spec"),
        (_spec(a=0), _spec(), "spec.a"),
        (_spec(a=True), _spec(a=1), "spec.a"),
        (_spec(a={"b": 1}), _spec(a="b"), "spec.a"),
        (_spec(args=["x"]), _spec(args=["x", "y"]), "spec.args"),
        (_spec(args=["x", "y"]), _spec(args=["x", "z"]), "spec.args[1]"),
        (_spec(value="1"), _spec(value="1000m"), "spec.value"),
        (_spec(limits={"cpu": "1"}), _spec(limits={"cpu": "2"}), "spec.limits.cpu"),
        (_spec(containers=[CONTAINER]), _spec(containers=[]), "spec.containers[server]"),
        (
            _spec(containers=[CONTAINER]),
            _spec(containers=[{**CONTAINER, "env": [{"name": "A", "value": "2"}]}]),
            "spec.containers[server].env[A].value",
        ),
        ({"metadata": {"labels": {"a": "b"}}}, {"metadata": {}}, "metadata.labels"),
        (_spec(selector={"a": "b"}), _spec(selector={"a": "b", "c": "d"}), "spec.selector.c"),
        (_spec(metrics=[{"type": "Pods"}]), _spec(metrics=[{"type": "Pods"}, {"type": "X"}]), "spec.metrics"),
    ],
)
def test_the_first_path_that_differs_is_named(desired: Object, observed: Object, path: str) -> None:
    assert drift(desired, observed) == path


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1000m"), ("1Ki", 1024), ("0.5", "500m"), ("1e3", "1k"), ("1.5Gi", "1536Mi")]
)
def test_quantities_are_compared_by_value(one: str | int, other: str | int) -> None:
    assert equal(one, other)


@pytest.mark.parametrize("text", ["", "abc", "1 Gi", "1KiB", "--1"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        parse(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(512, "512 B"), (548105171, "522.7 MiB"), (3 * 1024**3, "3.0 GiB"), (5 * 1024**4, "5.0 TiB")],
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert readable_size(size) == text
