"""Objects as users write them, asked of the API server's admission."""

import copy
import json

import yaml
from support.kube import Kube, Object

NAMESPACE = "admission-test"
NEURONDEVICE = (
    "aws.amazon.com/neurondevice is no longer advertised by the Neuron device plugin: "
    "write aws.amazon.com/neuron (whole devices) or aws.amazon.com/neuroncore (cores)"
)
SCHEMES = (
    "uri must start with hf:// (hf://organisation/name), s3:// (s3://bucket/prefix), "
    "pvc:// (pvc://claim/path) or https://"
)


def model(change: str = "", name: str = "smallest") -> Object:
    """The smallest NeuronModel, with a YAML mapping merged over its spec."""
    spec = {"model": {"uri": "hf://openai-community/gpt2"}}
    return {
        "apiVersion": "neuron-operator.dev/v1alpha1",
        "kind": "NeuronModel",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": merged(spec, yaml.safe_load(change) or {}),
    }


def artifact(change: str = "", name: str = "smallest") -> Object:
    """The smallest NeuronArtifact, with a YAML mapping merged over its spec."""
    smallest = model("claimName: artifacts", name)
    spec = merged(smallest["spec"], yaml.safe_load(change) or {})
    return {**smallest, "kind": "NeuronArtifact", "spec": spec}


def merged(under: Object, over: Object) -> Object:
    """`over` merged into a copy of `under`, mapping by mapping."""
    result = copy.deepcopy(under)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def admitted(kube: Kube, resource: Object) -> Object:
    """The resource as the API server would keep it; nothing is kept. Raises Refused."""
    arguments = ("create", "--dry-run=server", "--validate=strict", "--output=json", "--filename=-")
    kept: Object = json.loads(kube.kubectl(*arguments, stdin=json.dumps(resource)))
    return kept
