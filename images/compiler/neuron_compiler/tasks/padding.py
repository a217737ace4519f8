"""Whether padding changes what a model makes of a text, asked of models that take tensors only.

Those with a door are asked by the gate on answers. These would be served as they are: the compiled model
agrees with the eager one, both on a padded text, and a client has sent the text alone.
"""

from __future__ import annotations

import torch
from neuron_artifact import Output

from neuron_compiler import parity
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Request
from neuron_compiler.tasks.task import Tensors

# Far above what the order of additions does to a text of another length, far below another answer.
_TOLERANCE = 1e-3


def told(
    request: Request,
    module: torch.nn.Module,
    outputs: tuple[Output, ...],
    padded: Tensors,
    mask: torch.Tensor,
) -> tuple[str, ...]:
    """A sentence where padding changes the answers, and none where it does not.

    `padded` is one text with its `mask`, padded behind its own tokens. Raises CompileError where parity
    blocks.
    """
    if request.parity.policy == "Skip":
        return ()
    count = int(mask.sum())
    with torch.inference_mode():
        whole = module(*padded)
        try:
            alone = module(*(tensor[:, :count] for tensor in padded))
        except MemoryError:
            raise
        except Exception:  # it takes certain lengths only, so that nobody can send this one
            return ()
    own = tuple(
        made[:, :count] if output.dims[:1] == ("sequence",) else made
        for made, output in zip(whole, outputs, strict=True)
    )
    found = parity.compare(alone, own, outputs, None).value("MaxRel")
    if found <= _TOLERANCE:
        return ()
    sentence = (
        f"Padding changes the answers: MaxRel is {found:.3g} between a text of {count} tokens and the same "
        f"text padded to {padded[0].shape[1]}, which is what a compiled model makes of it."
    )
    if request.parity.policy == "Warn":
        return (sentence,)
    raise CompileError(
        "AnswersDiffer",
        f"{sentence} Choose an architecture that leaves padding out by its mask; or set "
        "spec.compile.parity.policy to Warn if all that you send fills a bucket.",
    )
