"""Which of the spec's compiler options reach the compiler of a family. Pure."""

from collections.abc import Mapping

from neuron_operator.api.spec import Compile, Partitioner, decimal
from neuron_operator.reading.objects import Object
from neuron_operator.terms.targets import family_of


def reaching(compile_: Compile, target: str, task: str) -> Object:
    """The options of the target's family, named as in `spec.compile.<family>`; without those that are not
    set.

    The digest covers exactly these, and an artifact made for a model says exactly these: what has no effect
    on a target neither compiles anything anew nor is refused there.
    """
    neuronx, neuron, cpu = compile_.neuronx, compile_.neuron, compile_.cpu
    by_family: Mapping[str, Mapping[str, object]] = {
        "cpu": {"backend": cpu.backend, "precision": cpu.precision},
        "neuronx": {
            "autoCast": neuronx.auto_cast,
            "autoCastType": None if neuronx.auto_cast == "none" else neuronx.auto_cast_type,
            "optLevel": neuronx.opt_level,
            "modelType": neuronx.model_type_for(task, target),
            "logicalCores": neuronx.logical_cores,
            "fastLoading": neuronx.fast_loading,
            "weights": neuronx.weights,
            "partitioner": partitioner(neuronx.partitioner),
            "extraArgs": list(neuronx.extra_args) or None,
        },
        "neuron": {
            "fastMath": neuron.fast_math,
            "pipelineCores": neuron.pipeline_cores,
            "fastLoading": neuron.fast_loading,
            "weights": neuron.weights,
            "extraArgs": list(neuron.extra_args) or None,
        },
    }
    return {name: value for name, value in by_family[family_of(target)].items() if value is not None}


def partitioner(chosen: Partitioner | None) -> Object | None:
    """`spec.compile.neuronx.partitioner`, without what is not set; None where there is none."""
    if chosen is None:
        return None
    content = {
        "supportThreshold": decimal(chosen.support_threshold),
        "minSubgraphSize": chosen.min_subgraph_size,
        "maxSubgraphCount": chosen.max_subgraph_count,
    }
    return {name: value for name, value in content.items() if value is not None}
