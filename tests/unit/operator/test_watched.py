"""The table of watched kinds is whole: each kind once, and each store filled once."""

from collections import Counter
from dataclasses import fields, replace

from neuron_operator.api.model import parse_model
from neuron_operator.builders import claims
from neuron_operator.terms import kinds, names
from neuron_operator.world import kept as keeping
from neuron_operator.world.stores import Stores
from neuron_operator.world.watched import NODES, WATCHED, watched_with
from unit.operator.worlds import SETTINGS, model_body


def test_every_store_is_filled_by_one_kind() -> None:
    filled = Counter(name for watched in watched_with(SETTINGS) for name in watched.keeps)
    assert filled == Counter(field.name for field in fields(Stores))


def test_every_kind_but_events_is_watched_once() -> None:
    watched = [each.kind for each in watched_with(SETTINGS)]
    assert sorted(kind.name for kind in watched) == sorted(set(kinds.BY_NAME) - {"Event"})


def test_nodes_are_watched_only_where_a_fallback_is_allowed() -> None:
    assert NODES in watched_with(SETTINGS)
    assert watched_with(replace(SETTINGS, fallback_allowed=False)) == WATCHED


def test_of_a_claim_is_kept_what_says_that_storage_has_no_effect() -> None:
    model = parse_model(model_body("gpt2", storage={"size": "20Gi"}))
    made = claims.claim(parse_model(model_body("first")), SETTINGS)
    assert made is not None
    kept = keeping.claim(kinds.CLAIM, {**made, "status": {"phase": "Bound"}}).value
    assert set(kept) == {"apiVersion", "kind", "metadata", "spec"}
    assert claims.unmet(model, SETTINGS, names.MADE_CLAIM, kept) == claims.unmet(
        model, SETTINGS, names.MADE_CLAIM, made
    )
    assert "20Gi has no effect" in (claims.unmet(model, SETTINGS, names.MADE_CLAIM, kept) or "")


def test_a_claim_without_a_class_is_told_as_such() -> None:
    model = parse_model(model_body("gpt2", storage={"storageClassName": "efs"}))
    made = claims.claim(parse_model(model_body("first")), SETTINGS)
    kept = keeping.claim(kinds.CLAIM, made or {}).value
    said = claims.unmet(model, SETTINGS, names.MADE_CLAIM, kept)
    assert said == "The claim neuron-artifacts names no class: efs has no effect."
