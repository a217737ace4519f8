"""`python -m toolbox.load.compare ARTIFACT --system NAME=KIND=URL[=METRICS] ...`: windows in turns.

Kinds are v2 (tensors), text (the text door), ids (the tensors of the same text) and plain (see plain.py).
The bare forward, the artifact's own modules called in this process, takes its turns with them. The last line
is the report, as JSON: by system and concurrency the medians over the rounds of requests a second, of the
latency's median in milliseconds and, for systems with a metrics port, of where the time went (inside.Shares).
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from neuron_artifact import read_manifest
from neuron_serving.engine import Engine
from neuron_serving.loading import load
from tokenizers import Tokenizer

from toolbox.load.bodies import Body, binary
from toolbox.load.inside import Shares, totals
from toolbox.load.rate import per_second

CONCURRENCIES = (1, 4, 16)
WARM_UP_SECONDS = 1.0
TEXT = "The compiled model must say what the original says. "


@dataclass(frozen=True)
class Window:
    """What was seen in one window; shares are those of a system with a metrics port."""

    per_second: float
    p50_milliseconds: float
    shares: Shares | None = None


@dataclass(frozen=True)
class System:
    """What is asked: its name, the kind of its requests, its URL and that of its metrics, or ""."""

    name: str
    kind: str
    url: str
    metrics: str = ""


def main(words: list[str] | None = None) -> None:
    arguments = _parse(words)
    artifact: Path = arguments.artifact
    manifest = read_manifest(artifact)
    # No more threads than the servers have, and none that spins while they have their turn.
    engine = load(artifact, manifest, {}, len(os.sched_getaffinity(0)))
    tokens: int = arguments.tokens
    systems = [System(*system.split("=", 3)) for system in arguments.system]
    seen: dict[str, list[Window]] = {}

    def note(name: str, window: Window) -> None:
        seen.setdefault(name, []).append(window)
        print(f"{name}: {window.per_second:.1f} a second, p50 {window.p50_milliseconds:.2f} ms", flush=True)

    for _ in range(arguments.rounds):
        for index, shape in enumerate(engine.shapes):
            if shape.axes == (tokens,):
                note(f"bare b{shape.batch}", bare(engine, index, arguments.seconds))
        for system in systems:
            for concurrency in CONCURRENCIES[:1] if system.kind in ("text", "ids") else CONCURRENCIES:
                body = request(system.kind, tokens, artifact)
                window = asyncio.run(load_of(system, body, concurrency, arguments.seconds))
                note(f"{system.name} c{concurrency}", window)
    print(json.dumps({name: median(windows) for name, windows in seen.items()}), flush=True)


def bare(engine: Engine, index: int, seconds: float) -> Window:
    """Call one bucket's module again and again; rows a second, and the time of a call."""
    shape = engine.shapes[index]
    arguments = [
        np.full((shape.batch, *shape.axes), 0 if feature.name == "token_type_ids" else 1, dtype=np.int64)
        for feature in engine.signature.inputs
    ]
    run: Callable[[Any], Any] = engine.buckets[index]
    end = time.perf_counter() + WARM_UP_SECONDS
    while time.perf_counter() < end:
        run(arguments)
    latencies = []
    begun = time.perf_counter()
    while time.perf_counter() < begun + seconds:
        start = time.perf_counter()
        run(arguments)
        latencies.append(time.perf_counter() - start)
    elapsed = time.perf_counter() - begun
    return Window(shape.batch * len(latencies) / elapsed, 1000 * statistics.median(latencies))


async def load_of(system: System, body: Body, concurrency: int, seconds: float) -> Window:
    """Ask again and again, so many requests at a time. Raises RuntimeError for an answer that is an error."""
    latencies: list[float] = []
    answered: list[float] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        begun = time.perf_counter() + WARM_UP_SECONDS
        end = begun + seconds

        async def ask() -> None:
            while time.perf_counter() < end:
                start = time.perf_counter()
                async with session.post(system.url, data=body.content, headers=body.headers) as answer:
                    content = await answer.read()
                    if answer.status != 200:
                        raise RuntimeError(f"{system.url}: {answer.status} {content[:300]!r}")
                now = time.perf_counter()
                if begun <= now <= end:
                    answered.append(now)
                    latencies.append(now - start)

        async def watch() -> Shares | None:
            if not system.metrics:
                return None
            await asyncio.sleep(begun - time.perf_counter())
            before = await totals(session, system.metrics)
            start, used = time.perf_counter(), time.process_time()
            await asyncio.sleep(end - time.perf_counter())
            after, stop = await totals(session, system.metrics), time.perf_counter()
            return Shares.between(before, after, stop - start, time.process_time() - used)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(ask() for _ in range(concurrency)))
        shares = await watching
    return Window(per_second(answered), 1000 * statistics.median(latencies), shares)


def request(kind: str, tokens: int, artifact: Path) -> Body:
    """Return the request of a kind: one row of so many tokens, or a short text."""
    if kind == "ids":
        tokenizer = Tokenizer.from_file(str(artifact / "tokenizer" / "tokenizer.json"))
        tokenizer.no_padding()
        return binary({"input_ids": np.array([tokenizer.encode(TEXT).ids], dtype=np.int64)})
    ids = np.arange(1000, 1000 + tokens, dtype=np.int64)[None]
    if kind == "plain":
        return Body(ids.tobytes(), {"Content-Type": "application/octet-stream"})
    if kind == "text":
        return binary({"text": np.array([[TEXT.encode()]], dtype=np.object_)})
    return binary({"input_ids": ids})


def median(windows: list[Window]) -> Mapping[str, Any]:
    """Return the medians over the rounds, each number's on its own."""
    seen: dict[str, Any] = {
        "perSecond": statistics.median(window.per_second for window in windows),
        "p50Milliseconds": statistics.median(window.p50_milliseconds for window in windows),
    }
    shares = [asdict(window.shares) for window in windows if window.shares]
    if shares:
        seen["shares"] = {
            field.name: statistics.median(share[field.name] for share in shares) for field in fields(Shares)
        }
    return seen


def _parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="toolbox.load.compare", description=__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--system", action="append", required=True)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
