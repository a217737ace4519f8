"""The kinds of objects the operator touches: their API version, resource name and URL path."""

from dataclasses import dataclass

GROUP = "neuron-operator.dev"
VERSION = "v1alpha1"


@dataclass(frozen=True)
class Kind:
    """One kind of the Kubernetes API."""

    name: str
    group: str
    version: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, of one object, or of its subresource.

        `namespace` is empty for kinds that have none.
        """
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"namespaces/{namespace}" if namespace else ""
        return "/".join(filter(None, (root, scope, self.plural, name, subresource)))


NEURON_MODEL = Kind("NeuronModel", GROUP, VERSION, "neuronmodels")
NEURON_ARTIFACT = Kind("NeuronArtifact", GROUP, VERSION, "neuronartifacts")
POD = Kind("Pod", "", "v1", "pods")
JOB = Kind("Job", "batch", "v1", "jobs")
DEPLOYMENT = Kind("Deployment", "apps", "v1", "deployments")
SERVICE = Kind("Service", "", "v1", "services")
CLAIM = Kind("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims")
AUTOSCALER = Kind("HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers")
DISRUPTION_BUDGET = Kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets")
NODE = Kind("Node", "", "v1", "nodes", namespaced=False)
EVENT = Kind("Event", "", "v1", "events")

BY_NAME = {
    kind.name: kind
    for kind in (
        NEURON_MODEL,
        NEURON_ARTIFACT,
        POD,
        JOB,
        DEPLOYMENT,
        SERVICE,
        CLAIM,
        AUTOSCALER,
        DISRUPTION_BUDGET,
        NODE,
        EVENT,
    )
}
