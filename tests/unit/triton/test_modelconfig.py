"""config.pbtxt's text form."""

from neuron_triton.modelconfig import ModelConfig, to_prototxt


def test_text_that_protobuf_would_misread_is_escaped() -> None:
    config = ModelConfig("gpt2", 1, (), (), 1, None, (("artifact", 'a "quoted"\\\n path'),))
    assert 'string_value: "a \\"quoted\\"\\\\\\n path"' in to_prototxt(config)
