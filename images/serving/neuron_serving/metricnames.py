"""The metrics of a served model: their names and what they tell, for code that must not import numpy.

Each has the labels `model` and `door`, which is `tensor` for the model that takes tensors.
"""

from neuron_artifact import Manifest

REQUESTS = ("neuron_requests_total", "Requests that were answered or failed")
FAILURES = (
    "neuron_request_failures_total",
    "Requests that failed, by class: invalid (the client's error) or internal (the model's)",
)
BATCHES = ("neuron_batches_total", "Calls of a compiled module")
BATCH_ROWS = ("neuron_batch_rows_total", "Rows of requests in these calls")
PADDING_ROWS = ("neuron_padding_rows_total", "Rows that filled these calls up to their compiled sizes")
COMPUTE_SECONDS = ("neuron_compute_seconds_total", "Time in these calls")
LOAD_SECONDS = ("neuron_load_seconds", "Time to load and warm up the artifact in one process")
ARTIFACT_INFO = ("neuron_artifact_info", "Always 1; its labels name the artifact that is served")


def artifact_labels(manifest: Manifest) -> dict[str, str]:
    """The labels of ARTIFACT_INFO."""
    return {
        "digest": manifest.digest,
        "target": str(manifest.request["target"]),
        "backend": manifest.backend.name,
        "precision": manifest.backend.precision,
    }
