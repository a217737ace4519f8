"""Every right the operator uses: the chart's roles grant exactly these, and a test compares the two."""

from collections.abc import Mapping

from neuron_operator.world.watched import NODES, WATCHED

PERMISSIONS: Mapping[tuple[str, str], frozenset[str]] = {
    **{resource: verbs for watched in WATCHED for resource, verbs in watched.rights.items()},
    ("", "pods/log"): frozenset({"get"}),
    ("", "events"): frozenset({"create", "list"}),
    # Which installation works in the namespace.
    ("coordination.k8s.io", "leases"): frozenset({"get", "create", "update"}),
}

NODE_PERMISSIONS: Mapping[tuple[str, str], frozenset[str]] = NODES.rights
"""Used only where the setting fallback.allowed is true; nodes belong to no namespace."""
