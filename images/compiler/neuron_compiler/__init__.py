"""Compiles one model for one digest: fetch, trace, check parity, measure, publish.

`python -m neuron_compiler compile` runs in the compile Job's pod, `collect` in the pod that removes an
artifact.
"""
