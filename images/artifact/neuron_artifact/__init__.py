"""The artifact format that the compiler writes and the servers read. Standard library only.

A store is a namespace's part of a volume. An artifact is a directory `<store>/<digest>` that holds compiled
models, tokenizer files and, written last, `manifest.json`, which lists every other file with its size and
sha256. It appears under its name in one rename, so a directory of that name is whole or corrupt, never half
written. What is not finished lies below `<store>/.work/<digest>`.
"""

from neuron_artifact import durable, work
from neuron_artifact.checked import bring, loadable
from neuron_artifact.collection import collect
from neuron_artifact.errors import ArtifactCorrupt, ArtifactMissing, ArtifactUnverified
from neuron_artifact.facts import Answers, Backend, Benchmark, BucketParity, Candidate, Measurement, Parity
from neuron_artifact.lock import writer_lock
from neuron_artifact.manifest import FORMAT_VERSION, Bucket, FileEntry, Input, Manifest, Output
from neuron_artifact.publication import Publication
from neuron_artifact.reader import artifact_path, read_bounded, read_manifest, verify, whole
from neuron_artifact.textsettings import TextSettings
from neuron_artifact.verification import (
    Verification,
    manifest_sha256,
    read_verification,
    write_verification,
)
from neuron_artifact.work import Attempt, work_path

__all__ = [
    "FORMAT_VERSION",
    "Answers",
    "ArtifactCorrupt",
    "ArtifactMissing",
    "ArtifactUnverified",
    "Attempt",
    "Backend",
    "Benchmark",
    "Bucket",
    "BucketParity",
    "Candidate",
    "FileEntry",
    "Input",
    "Manifest",
    "Measurement",
    "Output",
    "Parity",
    "Publication",
    "TextSettings",
    "Verification",
    "artifact_path",
    "bring",
    "collect",
    "durable",
    "loadable",
    "manifest_sha256",
    "read_bounded",
    "read_manifest",
    "read_verification",
    "verify",
    "whole",
    "work",
    "work_path",
    "write_verification",
    "writer_lock",
]
