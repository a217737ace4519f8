"""NeuronArtifact: one compile of one digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuron_operator.api.digest import digest_of
from neuron_operator.api.origin import origin_of
from neuron_operator.api.settings import Settings
from neuron_operator.api.spec import (
    Compile,
    Placement,
    Source,
    parse_compile,
    parse_placement,
    parse_source,
)
from neuron_operator.reading.objects import is_deleting, name_of, namespace_of, status_of, uid_of
from neuron_operator.terms import names
from neuron_operator.terms.targets import family_of

PENDING = "Pending"
COMPILING = "Compiling"
VERIFYING = "Verifying"
READY = "Ready"
FAILED = "Failed"
COLLECTING = "Collecting"


@dataclass(frozen=True)
class NeuronArtifact:
    """One NeuronArtifact, with the operator's settings filled in where its spec is silent."""

    name: str
    namespace: str
    uid: str
    generation: int
    deleting: bool
    source: Source
    target: str
    compile: Compile
    toolchain: str
    image: str
    claim_name: str
    placement: Placement
    ttl_seconds: int
    keep: bool
    digest: str
    manifest_sha256: str | None
    size_bytes: int
    status: Mapping[str, Any]

    @property
    def phase(self) -> str:
        """The phase that was last written; empty before the first time."""
        return str(self.status.get("phase", ""))


def parse_artifact(body: Mapping[str, Any], settings: Settings) -> NeuronArtifact:
    """A NeuronArtifact from the API's object.

    A compiled artifact keeps the digest that it is stored under, whatever the settings have become.
    """
    spec = body["spec"]
    status = status_of(body)
    target = spec.get("target", "inf2")
    source = parse_source(spec["model"])
    compile_ = parse_compile(spec.get("compile") or {})
    toolchain = spec.get("toolchain") or settings.toolchains[family_of(target)]
    # Waiting or failing after its compile, it has a verification to come.
    stored = status.get("phase") in (VERIFYING, READY, COLLECTING) or status.get("verification")
    published = stored and status.get("digest")
    ttl = spec.get("ttlSeconds")
    return NeuronArtifact(
        name=name_of(body),
        namespace=namespace_of(body),
        uid=uid_of(body),
        generation=body["metadata"].get("generation", 0),
        deleting=is_deleting(body),
        source=source,
        target=target,
        compile=compile_,
        toolchain=toolchain,
        image=spec.get("image") or settings.compiler_images[family_of(target)],
        claim_name=spec.get("claimName") or settings.storage.claim_name or names.MADE_CLAIM,
        placement=parse_placement(spec.get("placement") or {}),
        ttl_seconds=settings.storage.ttl_seconds if ttl is None else ttl,
        keep=spec.get("keep", False),
        digest=str(published)
        if published
        else digest_of(source, target, compile_, toolchain, origin_of(source, settings)),
        manifest_sha256=status.get("manifestSha256"),
        size_bytes=int(status.get("sizeBytes") or 0),
        status=status,
    )
