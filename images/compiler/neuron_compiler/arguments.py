"""The command lines of the Neuron compilers, without torch.

Source: compiler/neuronx-cc/api-reference-guide and archive/torch-neuron of the SDK's documentation.
"""

from __future__ import annotations

from neuron_contract.families import logical_cores

from neuron_compiler.request import Options


def neuronx_arguments(target: str, options: Options) -> list[str]:
    """The arguments of neuronx-cc: casting and level are always said, because its defaults have changed.

    Extra arguments come last, so that they win.
    """
    words = ["--target", target, "--auto-cast", options.auto_cast]
    if options.auto_cast != "none":
        words += ["--auto-cast-type", options.auto_cast_type]
    words += ["--optlevel", str(options.opt_level), "--model-type", options.model_type]
    if (cores := logical_cores(target, options.logical_cores)) is not None:
        words += ["--logical-nc-config", str(cores)]
    if options.fast_loading:
        words.append("--enable-fast-loading-neuron-binaries")
    return [*words, *options.extra_args]


def neuron_arguments(options: Options) -> list[str]:
    """The arguments of neuron-cc, for inf1. Extra arguments come last, so that they win."""
    words: list[str] = []
    if options.pipeline_cores is not None:
        words += ["--neuroncore-pipeline-cores", str(options.pipeline_cores)]
    if options.fast_math is not None:
        words += ["--fast-math", options.fast_math]
    if options.fast_loading:
        words.append("--enable-fast-loading-neuron-binaries")
    return [*words, *options.extra_args]
