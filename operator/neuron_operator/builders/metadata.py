"""What every child carries: name, labels, owner, and a hash of the whole object."""

import hashlib
import json
from collections.abc import Mapping

from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import Kind


def controller_reference(kind: Kind, name: str, uid: str) -> Object:
    """The owner reference of a child: the garbage collector removes it with its owner."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "name": name,
        "uid": uid,
        "controller": True,
    }


def whole_object(
    kind: Kind,
    *,
    name: str,
    namespace: str,
    labels_: Mapping[str, str],
    owner: Object | None,
    content: Mapping[str, object],
    annotations: Mapping[str, str] | None = None,
) -> Object:
    """An object ready to be applied, with the hash of all its content in an annotation."""
    metadata: Object = {"name": name, "namespace": namespace, "labels": dict(labels_)}
    if owner is not None:
        metadata["ownerReferences"] = [owner]
    if annotations:
        metadata["annotations"] = dict(annotations)
    obj: Object = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **content}
    metadata["annotations"] = {**(annotations or {}), labels.SPEC_HASH: _hash_of(obj)}
    return obj


def _hash_of(obj: Object) -> str:
    canonical = json.dumps(obj, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
