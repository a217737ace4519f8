"""Where a uri leads to: one uri means other bytes on another server, or with other keys."""

import re
from collections.abc import Mapping

from neuron_operator.api.settings import Settings
from neuron_operator.api.spec import Source

_COMMIT = re.compile(r"[0-9a-f]{40}")


def origin_of(source: Source, settings: Settings) -> Mapping[str, str]:
    """What beyond the uri selects the model's bytes; empty where the uri, a checksum or a commit says it all.

    A Secret for S3 may name a server of its own, which the operator can't see: its name stands for that.
    """
    if source.kind == "hf" and not _COMMIT.fullmatch(source.revision or ""):
        return _said({"endpoint": settings.hub_endpoint})
    if source.kind == "s3":
        return _said({"endpoint": settings.s3.endpoint, "secret": source.secret or ""})
    return {}


def _said(origin: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in origin.items() if value}
