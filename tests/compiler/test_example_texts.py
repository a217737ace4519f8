"""What a model on text is compiled and compared with."""

import torch
from neuron_compiler.tasks import texts

_NAMES, _PADS = ("input_ids", "attention_mask"), {"input_ids": 0, "attention_mask": 0}


def test_the_first_example_is_full_the_last_is_padded_and_one_has_the_same_token_everywhere() -> None:
    cases = texts.cases(_NAMES, 1000, _PADS, 2, 16)
    assert list(cases) == ["full", "alike", "padded"]
    tokens = {name: tensors[0] for name, tensors in cases.items()}
    assert len(tokens["full"].unique()) > 16
    assert len(tokens["alike"].unique()) == 1
    assert (tokens["padded"] == 0).any()
    for tensors in cases.values():
        assert [tensor.shape for tensor in tensors] == [torch.Size([2, 16])] * 2
    # They are kept in one file, which takes no tensor twice.
    places = [tensor.data_ptr() for tensors in cases.values() for tensor in tensors]
    assert len(set(places)) == len(places)
    again = texts.cases(_NAMES, 1000, _PADS, 2, 16)
    assert all(torch.equal(a, b) for name in cases for a, b in zip(cases[name], again[name], strict=True))


def test_examples_of_one_token_are_of_none_that_is_padding() -> None:
    for vocabulary in (2, 3):
        cases = texts.cases(_NAMES, vocabulary, _PADS, 2, 4)
        assert int(cases["alike"][0].min()) > 0
        assert int(cases["alike"][1].min()) == 1
