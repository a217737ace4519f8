"""Names of what the operator makes: pure functions, so that nothing is ever made twice."""

import re

MADE_CLAIM = "neuron-artifacts"
"""The claim the operator makes in a namespace where neither the resource nor the chart names one."""

_SLUG_LENGTH = 30
_DIGEST_LENGTH = 10


def artifact_name(uri: str, digest: str) -> str:
    """`<last part of the uri>-<start of the digest>`: readable, unique, at most 41 characters."""
    last = uri.partition("?")[0].rstrip("/").rsplit("/", 1)[-1].lower()
    last = re.sub(r"\.(tar|tar\.gz|tgz|zip|safetensors)$", "", last)
    slug = re.sub(r"[^a-z0-9]+", "-", last).strip("-")[:_SLUG_LENGTH].rstrip("-")
    return f"{slug or 'model'}-{digest[:_DIGEST_LENGTH]}"


def compile_job_name(artifact: str) -> str:
    """The Job that compiles the artifact."""
    return f"{artifact}-compile"


def verify_job_name(artifact: str) -> str:
    """The Job that checks the artifact on the accelerator."""
    return f"{artifact}-verify"


def collect_job_name(artifact: str) -> str:
    """The Job that removes the artifact's files."""
    return f"{artifact}-collect"


def scrub_job_name(artifact: str) -> str:
    """The Job that looks whether the artifact's files are those that were published."""
    return f"{artifact}-scrub"


def url(model: str, namespace: str) -> str:
    """Where the model answers inside the cluster."""
    return f"http://{model}.{namespace}.svc:8000"
