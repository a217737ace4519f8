"""Names with a meaning of their own in a manifest's tensors, for code that must not import numpy."""

# The axis of tokens: the only one that is padded. Images must have a compiled size exactly.
SEQUENCE = "sequence"
# Inputs a client may leave out: the model then sees every token, and one segment.
OPTIONAL = frozenset({"attention_mask", "token_type_ids"})
