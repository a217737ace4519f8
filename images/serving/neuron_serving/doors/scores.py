"""From logits to labels."""

from collections.abc import Sequence

import numpy as np

from neuron_serving.doors.face import Public
from neuron_serving.tensors import Array


def softmax(logits: Array) -> Array:
    """Return probabilities over the last axis, as fp32."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    result: Array = (shifted / shifted.sum(-1, keepdims=True)).astype(np.float32)
    return result


def sigmoid(logits: Array) -> Array:
    """Return the probability of each logit alone, as fp32."""
    result: Array = (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
    return result


class Classes:
    """label: BYTES, score: FP32 [batch, 1], the best; scores: FP32 [batch, labels], in the labels' order.

    `problem` is the problem_type of transformers: labels that exclude one another share a probability of 1,
    others have one each, and a regression's value is not a probability.
    """

    def __init__(self, labels: Sequence[str], problem: str | None) -> None:
        self.outputs = (
            Public("label", "BYTES"),
            Public("score", "FP32"),
            Public("scores", "FP32", (len(labels),)),
        )
        self._names = [label.encode() for label in labels]
        self._problem = problem

    def answer(self, logits: Array) -> dict[str, Array]:
        """Outputs of logits [batch, labels]."""
        scores = self._scores(logits)
        best = scores.argmax(-1)
        return {
            "label": np.array([self._names[index] for index in best.tolist()], dtype=np.object_)[:, None],
            "score": np.take_along_axis(scores, best[:, None], -1),
            "scores": scores,
        }

    def _scores(self, logits: Array) -> Array:
        if self._problem == "regression":
            return logits.astype(np.float32)
        if self._problem == "multi_label_classification" or len(self._names) == 1:
            return sigmoid(logits)
        return softmax(logits)
