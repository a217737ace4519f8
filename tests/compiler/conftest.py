"""A request for tiny models, and a way to compile one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from compiler import requests
from neuron_artifact import Manifest, Publication, read_manifest
from neuron_compiler import pipeline, worker
from neuron_compiler.request import Request, parse
from neuron_compiler.shapes import Clock
from neuron_compiler.sources import Source


@dataclass(frozen=True)
class Compiled:
    """What `compile_model` returned, where its files are, and the steps it announced."""

    facts: Mapping[str, Any]
    directory: Path
    steps: list[str]


def request(**changes: Any) -> Request:
    """A request for lengths 8 and 16, two rows a call, without a benchmark."""
    defaults = {"compile__batchSizes": [2], "compile__sequenceLengths": [8, 16], "benchmark__seconds": 0}
    return parse(requests.text(**{**defaults, **changes}))


@pytest.fixture
def compile_model(tmp_path: Path) -> Callable[..., Compiled]:
    """Compiles the model of a directory in this process, with changes to the request."""

    def run(source: Path, **changes: Any) -> Compiled:
        output = tmp_path / "output"
        output.mkdir()
        steps: list[str] = []
        clock = Clock(lambda event: steps.extend([event["step"]] if "step" in event else []))
        facts = worker.compile_model(request(**changes), source, output, clock)
        return Compiled(facts, output, steps)

    return run


@pytest.fixture
def publish(tmp_path: Path) -> Callable[..., tuple[Path, Manifest]]:
    """Compiles the model of a directory and publishes it, as the whole pipeline does."""

    def run(source: Path, **changes: Any) -> tuple[Path, Manifest]:
        directory = published(request(**changes), source, tmp_path / "store")
        return directory, read_manifest(directory)

    return run


def published(asked: Request, source: Path, store: Path) -> Path:
    """The directory of the artifact that a request makes of a directory's model."""
    store.mkdir(exist_ok=True)
    with Publication(store, asked.digest, "test") as publication:
        facts = worker.compile_model(asked, source, publication.path, Clock(lambda event: None))
        manifest = pipeline.make_manifest(asked, Source(source, None), facts, facts["seconds"])
        return publication.publish(manifest)
