"""The artifact format that the compiler writes and the servers read. Standard library only.

An artifact is a directory `<store>/<digest>` that holds compiled models, tokenizer files and, written last,
`manifest.json`, which lists every other file with its size and sha256. It appears under its name in one
rename, so a directory of that name is whole or corrupt, never half written.
"""

from neuron_artifact.collection import collect
from neuron_artifact.errors import ArtifactCorrupt, ArtifactMissing, ArtifactUnverified
from neuron_artifact.facts import Answers, Backend, Benchmark, BucketParity, Candidate, Measurement, Parity
from neuron_artifact.lock import writer_lock
from neuron_artifact.manifest import FORMAT_VERSION, Bucket, FileEntry, Input, Manifest, Output
from neuron_artifact.publication import Publication
from neuron_artifact.reader import artifact_path, read_manifest, verify, whole
from neuron_artifact.staging import clean_abandoned
from neuron_artifact.textsettings import TextSettings
from neuron_artifact.verification import (
    Verification,
    manifest_sha256,
    read_verification,
    write_verification,
)

__all__ = [
    "FORMAT_VERSION",
    "Answers",
    "ArtifactCorrupt",
    "ArtifactMissing",
    "ArtifactUnverified",
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
    "clean_abandoned",
    "collect",
    "manifest_sha256",
    "read_manifest",
    "read_verification",
    "verify",
    "whole",
    "write_verification",
    "writer_lock",
]
