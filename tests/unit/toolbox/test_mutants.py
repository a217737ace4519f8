"""Mutated requests."""

import json
import random

from toolbox.soak.mutants import Mutant, Originals, changed, mutant

ORIGINALS = Originals(
    plain={"inputs": [{"name": "a", "shape": [1, 2], "datatype": "INT64", "data": [1, 2]}]},
    header={"inputs": [{"name": "a", "shape": [1, 2], "parameters": {"binary_data_size": 16}}]},
    tail=bytes(16),
    messages=(b"\x0a\x01a",),
)


def drawn(seed: int) -> list[Mutant]:
    rng = random.Random(seed)
    return [mutant(rng, ORIGINALS) for _ in range(200)]


def test_a_seed_draws_the_same_requests_again() -> None:
    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_both_protocols_and_binary_headers_are_among_them() -> None:
    found = drawn(1)
    assert {each.protocol for each in found} == {"HTTP", "gRPC"}
    assert any(each.headers for each in found)


def test_the_original_stays_as_it_was() -> None:
    before = json.dumps(ORIGINALS.plain)
    rng = random.Random(5)
    made = [json.dumps(changed(rng, ORIGINALS.plain)) for _ in range(100)]
    assert json.dumps(ORIGINALS.plain) == before
    assert sum(each != before for each in made) > 90
