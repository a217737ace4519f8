"""The command line of neuronx-cc, without torch."""

from __future__ import annotations

from neuron_compiler.request import Options


def neuronx_arguments(target: str, options: Options) -> list[str]:
    """The arguments for a target: casting and level are always said, because neuronx-cc's defaults have
    changed.

    Extra arguments come last, so that they win.
    """
    words = ["--target", target, "--auto-cast", options.auto_cast]
    if options.auto_cast != "none":
        words += ["--auto-cast-type", options.auto_cast_type]
    return [*words, "--optlevel", str(options.opt_level), *options.extra_args]
