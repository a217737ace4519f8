"""Which of the spec's compiler options reach the compiler of a family. Pure."""

from collections.abc import Mapping

from neuron_operator.api.spec import Compile, Partitioner
from neuron_operator.reading.objects import Object
from neuron_operator.terms.targets import family_of


def reaching(compile_: Compile, target: str, task: str) -> Object:
    """The options that the compiler of the target is given, named as in the spec; without those that are not
    set.

    The digest covers exactly these, and an artifact made for a model says exactly these: what has no effect
    on a target neither compiles anything anew nor is refused there.
    """
    by_family: Mapping[str, Mapping[str, object]] = {
        "cpu": {
            "autoCast": compile_.auto_cast,
            "autoCastType": compile_.auto_cast_type,
            "cpuBackend": compile_.cpu_backend,
        },
        "neuronx": {
            "autoCast": compile_.auto_cast,
            "autoCastType": None if compile_.auto_cast == "none" else compile_.auto_cast_type,
            "optLevel": compile_.opt_level,
            "modelType": compile_.model_type_for(task, target),
            "logicalCores": compile_.logical_cores,
            "fastLoading": compile_.fast_loading,
            "partitioner": partitioner(compile_.partitioner),
            "weights": compile_.weights,
            "extraArgs": list(compile_.extra_args) or None,
        },
        "neuron": {
            "fastMath": compile_.fast_math,
            "pipelineCores": compile_.pipeline_cores,
            "fastLoading": compile_.fast_loading,
            "weights": compile_.weights,
            "extraArgs": list(compile_.extra_args) or None,
        },
    }
    return {name: value for name, value in by_family[family_of(target)].items() if value is not None}


def partitioner(chosen: Partitioner | None) -> Object | None:
    """`spec.compile.partitioner`, without what is not set; None where there is none."""
    if chosen is None:
        return None
    content = {
        "supportThreshold": chosen.support_threshold,
        "minSubgraphSize": chosen.min_subgraph_size,
        "maxSubgraphCount": chosen.max_subgraph_count,
    }
    return {name: value for name, value in content.items() if value is not None}
