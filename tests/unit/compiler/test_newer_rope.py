"""What transformers 5 says of rotations is said as transformers 4 says it, or not at all."""

from typing import Any

import pytest
from neuron_compiler.newer import rope
from neuron_compiler.newer.unknown import UnknownError

_LLAMA = frozenset({"rope_theta", "rope_scaling"})
_YARN = {"rope_theta": 1e6, "rope_type": "yarn", "factor": 4.0}


@pytest.mark.parametrize(
    ("said", "names", "told"),
    [
        (
            {"rope_theta": 5e5, "rope_type": "default"},
            _LLAMA,
            {"rope_theta": 5e5, "rope_scaling": None},
        ),
        (
            _YARN,
            _LLAMA,
            {"rope_theta": 1e6, "rope_scaling": {"rope_type": "yarn", "factor": 4.0}},
        ),
        (
            {"rope_theta": 10000, "rope_type": "default", "partial_rotary_factor": 0.25},
            frozenset({"rotary_emb_base", "rotary_pct", "rope_scaling"}),
            {"rotary_emb_base": 10000, "rotary_pct": 0.25, "rope_scaling": None},
        ),
        # transformers 4 has 0.5 as its default here.
        (
            {"rope_theta": 1e4, "rope_type": "default"},
            frozenset({"rope_theta", "partial_rotary_factor"}),
            {"rope_theta": 1e4, "partial_rotary_factor": 1.0},
        ),
        (
            {"full_attention": _YARN, "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"}},
            _LLAMA | {"rope_local_base_freq"},
            {
                "rope_theta": 1e6,
                "rope_scaling": {"rope_type": "yarn", "factor": 4.0},
                "rope_local_base_freq": 1e4,
            },
        ),
        (None, _LLAMA, {}),
    ],
    ids=["base", "scaled", "other names", "the whole head", "by layer", "nothing"],
)
def test_rotations_are_told_in_the_older_names(
    said: Any, names: frozenset[str], told: dict[str, Any]
) -> None:
    assert rope.translated(said, names) == told


@pytest.mark.parametrize(
    ("said", "names", "what"),
    [
        (_YARN, frozenset({"rope_theta"}), "of the type yarn"),
        ({"rope_theta": 1e4}, frozenset(), "rope_theta 10000.0"),
        ({"rope_theta": 1e4, "partial_rotary_factor": 0.5}, _LLAMA, "partial_rotary_factor 0.5"),
        ({"full_attention": {"rope_theta": 1e4}}, _LLAMA, "for full_attention"),
        (
            {"sliding_attention": _YARN},
            frozenset({"global_rope_theta", "local_rope_theta"}),
            "of the type yarn",
        ),
    ],
)
def test_rotations_that_have_no_older_name_are_not_guessed(
    said: Any, names: frozenset[str], what: str
) -> None:
    with pytest.raises(UnknownError, match=what):
        rope.translated(said, names)
