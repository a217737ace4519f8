"""What a server says of itself and its models.

Sources: the Open Inference Protocol; Triton's extension "model configuration".
"""

from typing import Any

from neuron_serving.front.models import Model
from neuron_serving.front.writing import VERSION

EXTENSIONS = ("binary_tensor_data", "model_configuration")
SERVER, SERVER_VERSION = "neuron-serving", "1"
PLATFORM = "neuron"


def server() -> dict[str, Any]:
    """The server's metadata."""
    return {"name": SERVER, "version": SERVER_VERSION, "extensions": list(EXTENSIONS)}


def model(model: Model) -> dict[str, Any]:
    """A model's metadata."""
    return {
        "name": model.name,
        "versions": [VERSION],
        "platform": PLATFORM,
        "inputs": model.inputs,
        "outputs": model.outputs,
    }


def configuration(model: Model) -> dict[str, Any]:
    """A model's configuration, in Triton's form as far as a client may need it."""
    return {
        "name": model.name,
        "platform": PLATFORM,
        "max_batch_size": model.limits.rows,
        "input": [_tensor(each) for each in model.inputs],
        "output": [_tensor(each) for each in model.outputs],
        "parameters": {name: {"string_value": value} for name, value in model.parameters.items()},
    }


def _tensor(said: dict[str, Any]) -> dict[str, Any]:
    datatype = {"BYTES": "STRING"}.get(said["datatype"], said["datatype"])
    return {"name": said["name"], "data_type": f"TYPE_{datatype}", "dims": said["shape"][1:]}
