"""Names with a meaning of their own in a manifest's tensors, for code that must not import numpy."""

# The dimension that stands for the padded axis in an output's dims.
SEQUENCE = "sequence"
# Inputs a client may leave out: the model then sees every token, and one segment.
OPTIONAL = frozenset({"attention_mask", "token_type_ids"})
