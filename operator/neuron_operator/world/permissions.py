"""Every right the operator uses: the chart's roles grant exactly these, and a test compares the two."""

from collections.abc import Mapping

_OBSERVE = frozenset({"list", "watch"})
_KEEP = _OBSERVE | {"create", "patch"}
"""Server-side apply needs `patch`, and `create` where the object is not there yet."""

PERMISSIONS: Mapping[tuple[str, str], frozenset[str]] = {
    ("neuron-operator.dev", "neuronmodels"): _OBSERVE,
    ("neuron-operator.dev", "neuronmodels/status"): frozenset({"patch"}),
    ("neuron-operator.dev", "neuronartifacts"): _KEEP | {"delete"},
    ("neuron-operator.dev", "neuronartifacts/status"): frozenset({"patch"}),
    ("batch", "jobs"): _KEEP | {"delete"},
    ("apps", "deployments"): _KEEP,
    ("autoscaling", "horizontalpodautoscalers"): _KEEP | {"delete"},
    ("policy", "poddisruptionbudgets"): _KEEP,
    ("", "services"): _KEEP,
    ("", "pods"): _OBSERVE,
    ("", "pods/log"): frozenset({"get"}),
    ("", "persistentvolumeclaims"): _OBSERVE | {"create"},
    ("", "events"): frozenset({"create", "list"}),
    # Which installation works in the namespace.
    ("coordination.k8s.io", "leases"): frozenset({"get", "create", "update"}),
}

NODE_PERMISSIONS: Mapping[tuple[str, str], frozenset[str]] = {("", "nodes"): _OBSERVE}
"""Used only where the setting fallback.allowed is true; nodes belong to no namespace."""
