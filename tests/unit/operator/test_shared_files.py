"""Two NeuronArtifacts of one digest, one written by hand and one made for a model, share their files."""

from typing import Any

import pytest
from neuron_operator.artifacts.decide import decide
from neuron_operator.artifacts.observed import Observed
from neuron_operator.reading.objects import Object, format_time
from neuron_operator.world.observe import Observer
from unit.operator.worlds import NAMESPACE, NOW, SETTINGS, artifact, artifact_body, at, knowing

READY: Object = {"phase": "Ready", "digest": "a" * 32}


def named(name: str, *, namespace: str = NAMESPACE, status: Object = READY, **spec: Any) -> Object:
    body = artifact_body(status=status, **spec)
    body["metadata"] |= {"name": name, "namespace": namespace, "uid": f"uid-{namespace}-{name}"}
    return body


def around(body: Object, *others: Object) -> Observed:
    """What is observed around the first, in a cluster that has them all."""
    return Observer(knowing(body, *others), SETTINGS, lambda pods: None).around_artifact(body)


def test_artifacts_of_one_digest_on_one_claim_share_their_files() -> None:
    assert around(named("made"), named("by-hand")).shares_files


@pytest.mark.parametrize(
    "other",
    [
        named("by-hand", namespace="elsewhere"),
        named("by-hand", claimName="elsewhere"),
        named("by-hand", status={**READY, "digest": "b" * 32}),
        named("by-hand", status={**READY, "phase": "Collecting"}),
        named("by-hand", status={}),
    ],
)
def test_files_of_another_digest_claim_or_namespace_are_not_shared(other: Object) -> None:
    assert not around(named("made"), other).shares_files


def test_an_artifact_that_was_never_stored_shares_nothing() -> None:
    assert not around(named("made", status={}), named("by-hand", status={})).shares_files


def test_one_that_is_on_its_way_out_keeps_no_files() -> None:
    leaving = named("by-hand")
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    assert not around(named("made"), leaving).shares_files


def test_an_unused_artifact_leaves_shared_files_alone() -> None:
    status = {**READY, "unusedSince": format_time(at(-100))}
    body = named("made", status=status, ttlSeconds=60)
    plan = decide(artifact(status=status, ttlSeconds=60), around(body, named("by-hand")), SETTINGS, NOW)
    assert plan.delete == (body,)
    assert not plan.apply


def test_once_its_files_are_being_removed_it_goes_on_to_the_end() -> None:
    status = {**READY, "phase": "Collecting", "unusedSince": format_time(at(-100))}
    body = named("made", status=status, ttlSeconds=60)
    plan = decide(artifact(status=status, ttlSeconds=60), around(body, named("by-hand")), SETTINGS, NOW)
    assert [change.obj["metadata"]["name"].endswith("-collect") for change in plan.apply] == [True]
