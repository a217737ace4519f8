"""The model that Triton's Python backend runs, one process for each instance.

Source: triton-inference-server/python_backend, README.
"""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import triton_python_backend_utils as pb_utils
from neuron_artifact import Manifest, read_manifest
from neuron_serving import cores
from neuron_serving.counting import CountingEngine
from neuron_serving.failure import ServingError, load_failure, report
from neuron_serving.gate import PACKAGE_OF_FAMILY
from neuron_serving.loading import load
from neuron_serving.tensors import Array, RefusedError

from neuron_triton.metrics import Metrics
from neuron_triton.sentinel import Sentinel


class TritonPythonModel:
    """Loads one artifact and answers batches of requests; every tensor is [batch, ...]."""

    engine: CountingEngine
    computing: ThreadPoolExecutor
    metrics: Metrics
    sentinel: Sentinel

    def initialize(self, args: dict[str, str]) -> None:
        """Load the artifact that config.pbtxt's parameters name. Raises what loading raises."""
        self.sentinel = Sentinel()
        parameters = json.loads(args["model_config"])["parameters"]
        directory = Path(parameters["artifact"]["string_value"])
        threads = int(parameters["threads"]["string_value"])
        try:
            manifest = read_manifest(directory)
            claim = _claim(args, manifest) if manifest.family in PACKAGE_OF_FAMILY else {}
            start = time.perf_counter()
            # Loads and computes. OpenMP keeps threads for every thread that computes, and has all of them
            # sleep sooner where they are more than CPUs.
            self.computing = ThreadPoolExecutor(max_workers=1)
            engine = self.computing.submit(load, directory, manifest, claim, threads).result()
            self.engine = CountingEngine(engine)
            self.metrics = Metrics(args["model_name"])
            self.metrics.loaded(manifest, time.perf_counter() - start)
        except ServingError as failure:
            report(failure)
            raise
        except Exception as error:
            # tritonserver only ends with its log; this is what the operator shows.
            report(load_failure(error))
            raise

    def finalize(self) -> None:
        """The server is unloading the model."""
        self.computing.shutdown()
        self.metrics.close()
        self.sentinel.dismiss()

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer the requests of one dynamic batch, each with its tensors or its error."""
        tensors = [{tensor.name(): tensor.as_numpy() for tensor in request.inputs()} for request in requests]
        answers, counts = self.computing.submit(self.engine.run, tensors).result()
        self.metrics.add(counts)
        return [_response(request, answer) for request, answer in zip(requests, answers, strict=True)]


def _claim(args: dict[str, str], manifest: Manifest) -> dict[str, str]:
    """The environment in which this instance sees its own NeuronCores alone. Raises ServingError."""
    said = json.loads(args["model_config"])["parameters"]["cores"]["string_value"]
    visible = os.environ.get("NEURON_RT_VISIBLE_CORES")
    own = cores.groups(int(said), cores.pipeline(manifest), visible)
    return cores.environment(own[cores.instance_index(args["model_instance_name"])])


def _response(request: Any, answer: dict[str, Array] | Exception) -> Any:
    if isinstance(answer, Exception):
        # INVALID_ARG is HTTP 400; anything else is the server's own failure, HTTP 500.
        error = pb_utils.TritonError
        code = error.INVALID_ARG if isinstance(answer, RefusedError) else error.INTERNAL
        return pb_utils.InferenceResponse(error=error(str(answer), code))
    wanted = request.requested_output_names()
    return pb_utils.InferenceResponse(
        output_tensors=[pb_utils.Tensor(name, array) for name, array in answer.items() if name in wanted]
    )
