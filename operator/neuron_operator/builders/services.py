"""The Service in front of a model's servers."""

from neuron_operator.api.model import NeuronModel
from neuron_operator.builders.deployments import GRPC_PORT, HTTP_PORT, METRICS_PORT
from neuron_operator.builders.metadata import controller_reference, whole_object
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import NEURON_MODEL, SERVICE

_PORTS = {"http": HTTP_PORT, "grpc": GRPC_PORT, "metrics": METRICS_PORT}


def service(model: NeuronModel) -> Object:
    """The Service: one stable address whatever is deployed behind it, in the shape that the user asks for."""
    asked = dict(model.serving.service)
    annotations = asked.pop("annotations", None)
    return whole_object(
        SERVICE,
        name=model.name,
        namespace=model.namespace,
        labels_=labels.of_model(model.name),
        owner=controller_reference(NEURON_MODEL, model.name, model.uid),
        annotations=annotations,
        content={
            "spec": {
                "type": "ClusterIP",
                **asked,
                "selector": labels.server_selector(model.name),
                "ports": [
                    {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}
                    for name, port in _PORTS.items()
                ],
            }
        },
    )
