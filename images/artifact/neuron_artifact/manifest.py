"""The manifest of an artifact, parsed once into frozen dataclasses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from neuron_artifact.errors import ArtifactCorrupt
from neuron_artifact.facts import Backend, Benchmark, Parity

FORMAT_VERSION = 2


@dataclass(frozen=True)
class Input:
    """An input tensor: V2 datatype, and dimensions without the batch.

    A dimension is a number or the name of an axis, whose size each bucket gives: "sequence" (which the
    server pads), "height" and "width". `trace_dtype` is the datatype that the compiled module takes, where
    it is another one: the server casts.
    """

    name: str
    dtype: str
    dims: tuple[int | str, ...]
    trace_dtype: str | None = None


@dataclass(frozen=True)
class Output:
    """An output tensor: V2 datatype, and dimensions without the batch.

    The dimension "sequence" is the padded axis; the server cuts it back to the request's length.
    """

    name: str
    dtype: str
    dims: tuple[int | str, ...]


@dataclass(frozen=True)
class Bucket:
    """One compiled shape: rows, the size of each named axis, and the path of its model in the artifact."""

    name: str
    batch: int
    axes: Mapping[str, int]
    path: str


@dataclass(frozen=True)
class FileEntry:
    """A file of the artifact: its path from the artifact's directory, size in bytes and sha256 in hex."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """All that a reader needs to know of an artifact.

    The compiled modules are called positionally with `inputs` in order and return a tuple of `outputs` in
    order. `request` is the compile request as it came; `pad_values` has one value for each padded input.

    `task` is the request's, `pooling` how the vector of a text is made of its tokens' (None: it is not),
    `architecture` the model's class, `wrapper` the class of the module that was compiled around it, and
    `settings` what was set on the model before.

    `verification` is Done, or Needed where another machine has to check the artifact; `baseline` has the
    eager fp32 model's rows a second by bucket, where it was measured.

    `checkpoint` tells of the model's files: `read`, what was read; `left`, what was not and why, by name;
    `notApplied`, sentences on settings that the library would apply and the artifact does not.
    """

    digest: str
    created_at: str
    request: Mapping[str, Any]
    revision: str | None
    family: str
    task: str
    pooling: str | None
    architecture: str
    wrapper: str
    settings: Mapping[str, str | int | bool]
    backend: Backend
    verification: str
    baseline: Mapping[str, float]
    versions: Mapping[str, str]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    pad_values: Mapping[str, int]
    buckets: tuple[Bucket, ...]
    parity: Parity | None
    benchmark: Benchmark | None
    seconds: Mapping[str, float]
    labels: tuple[str, ...] | None
    files: tuple[FileEntry, ...] = ()
    checkpoint: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The manifest as canonical JSON: sorted keys, no spaces, one line feed at the end."""
        return canonical_json(self.to_dict()) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Parses a manifest. Raises ArtifactCorrupt with a sentence when it is not one of this format."""
        try:
            content = json.loads(text)
        except ValueError as error:
            raise ArtifactCorrupt(f"manifest.json is not JSON ({error}): compile the model again.") from error
        if not isinstance(content, dict):
            raise ArtifactCorrupt("manifest.json is no JSON object: compile the model again.")
        return cls.from_dict(content)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Manifest:
        """Parses a manifest from its JSON object. Raises ArtifactCorrupt as `from_json` does."""
        version = content.get("formatVersion")
        if version != FORMAT_VERSION:
            raise ArtifactCorrupt(
                f"manifest.json has format version {version}, not {FORMAT_VERSION}: compile the model again "
                "with the compiler image of this release."
            )
        try:
            return _parse(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactCorrupt(
                f"manifest.json lacks or distorts {error}: compile the model again."
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """The manifest as a JSON object."""
        return {
            "formatVersion": FORMAT_VERSION,
            "digest": self.digest,
            "createdAt": self.created_at,
            "request": dict(self.request),
            "revision": self.revision,
            "family": self.family,
            "task": self.task,
            "pooling": self.pooling,
            "architecture": self.architecture,
            "wrapper": self.wrapper,
            "settings": dict(self.settings),
            "backend": self.backend.to_dict(),
            "verification": self.verification,
            "baseline": dict(self.baseline),
            "versions": dict(self.versions),
            "inputs": [
                {"name": tensor.name, "dtype": tensor.dtype, "dims": list(tensor.dims)}
                | ({"traceDtype": tensor.trace_dtype} if tensor.trace_dtype else {})
                for tensor in self.inputs
            ],
            "outputs": [
                {"name": tensor.name, "dtype": tensor.dtype, "dims": list(tensor.dims)}
                for tensor in self.outputs
            ],
            "padValues": dict(self.pad_values),
            "buckets": [{**vars(bucket), "axes": dict(bucket.axes)} for bucket in self.buckets],
            "parity": self.parity.to_dict() if self.parity else None,
            "benchmark": self.benchmark.to_dict() if self.benchmark else None,
            "seconds": dict(self.seconds),
            "labels": None if self.labels is None else list(self.labels),
            "checkpoint": dict(self.checkpoint),
            "files": [vars(entry) for entry in self.files],
        }


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; not a number and infinity are refused with ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def safe_path(path: str) -> str:
    """The path, if it names something below the artifact's directory; else ValueError."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise ValueError(f"the path {path!r}")
    return path


def _parse(content: Mapping[str, Any]) -> Manifest:
    parity, benchmark, labels = content["parity"], content["benchmark"], content["labels"]
    return Manifest(
        digest=str(content["digest"]),
        created_at=str(content["createdAt"]),
        request=dict(content["request"]),
        revision=content["revision"],
        family=str(content["family"]),
        task=str(content["task"]),
        pooling=content["pooling"],
        architecture=str(content["architecture"]),
        wrapper=str(content["wrapper"]),
        settings=dict(content["settings"]),
        backend=Backend.from_dict(content["backend"]),
        verification=str(content["verification"]),
        baseline={str(name): float(value) for name, value in content["baseline"].items()},
        versions={str(name): str(value) for name, value in content["versions"].items()},
        inputs=tuple(
            Input(item["name"], item["dtype"], tuple(item["dims"]), item.get("traceDtype"))
            for item in content["inputs"]
        ),
        outputs=tuple(
            Output(item["name"], item["dtype"], tuple(item["dims"])) for item in content["outputs"]
        ),
        pad_values={str(name): int(value) for name, value in content["padValues"].items()},
        buckets=tuple(
            Bucket(item["name"], int(item["batch"]), _axes(item["axes"]), safe_path(item["path"]))
            for item in content["buckets"]
        ),
        parity=Parity.from_dict(parity) if parity is not None else None,
        benchmark=Benchmark.from_dict(benchmark) if benchmark is not None else None,
        seconds={str(name): float(value) for name, value in content["seconds"].items()},
        labels=None if labels is None else tuple(str(label) for label in labels),
        files=tuple(
            FileEntry(safe_path(item["path"]), int(item["bytes"]), str(item["sha256"]))
            for item in content["files"]
        ),
        checkpoint=dict(content.get("checkpoint") or {}),
    )


def _axes(content: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(size) for name, size in content.items()}
