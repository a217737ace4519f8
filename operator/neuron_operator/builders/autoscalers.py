"""The HorizontalPodAutoscaler of a model."""

from neuron_operator.api.model import NeuronModel
from neuron_operator.builders.metadata import controller_reference, whole_object
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import AUTOSCALER, DEPLOYMENT, NEURON_MODEL


def autoscaler(model: NeuronModel) -> Object | None:
    """The autoscaler; None where somebody else decides on the number of replicas."""
    scaling = model.autoscaling.autoscaler
    if scaling is None:
        return None
    cpu = {
        "type": "Resource",
        "resource": {
            "name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": scaling.target_cpu_percent},
        },
    }
    return whole_object(
        AUTOSCALER,
        name=model.name,
        namespace=model.namespace,
        labels_=labels.of_model(model.name),
        owner=controller_reference(NEURON_MODEL, model.name, model.uid),
        content={
            "spec": {
                "scaleTargetRef": {
                    "apiVersion": DEPLOYMENT.api_version,
                    "kind": DEPLOYMENT.name,
                    "name": model.name,
                },
                "minReplicas": scaling.min_replicas,
                "maxReplicas": scaling.max_replicas,
                "metrics": [dict(metric) for metric in scaling.metrics] or [cpu],
                **({"behavior": scaling.behavior} if scaling.behavior else {}),
            }
        },
    )
