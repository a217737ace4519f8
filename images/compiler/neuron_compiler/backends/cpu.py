"""Which compilers are worth trying on this machine's CPU."""

from __future__ import annotations

from pathlib import Path

from neuron_compiler.backends import Backend
from neuron_compiler.backends.inductor import InductorBackend
from neuron_compiler.backends.torchscript import TorchScriptBackend
from neuron_compiler.request import Options

_CPUINFO = Path("/proc/cpuinfo")
# Instructions that generated code and the packed weights of oneDNN depend on.
_FEATURES = (
    "avx2",
    "fma",
    "avx512f",
    "avx512bw",
    "avx512cd",
    "avx512dq",
    "avx512vl",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
)
# What the C++ compiler may use: the levels of the x86-64 psABI, so that the list above covers it.
_MARCH = (
    ("x86-64-v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    ("x86-64-v3", {"avx2", "fma"}),
)
_BF16 = {"avx512_bf16", "amx_bf16"}


def candidates(options: Options, workdir: Path, cpuinfo: Path = _CPUINFO) -> list[Backend]:
    """The backends that spec.compile.cpu.backend allows, the fastest on most models first.

    bf16 only where the cast is allowed and the CPU has instructions for it: without them it is slower than
    fp32. Inductor only where its machine code can be bound to a known set of instructions.
    """
    found: list[Backend] = []
    features = cpu_features(cpuinfo)
    march = next((name for name, needed in _MARCH if needed <= set(features)), None)
    if options.cpu_backend != "TorchScript" and march is not None:
        if options.auto_cast != "none" and options.auto_cast_type == "bf16" and _BF16 & set(features):
            found.append(InductorBackend("matmult-bf16", features, march, workdir))
        found.append(InductorBackend("fp32", features, march, workdir))
    if options.cpu_backend != "Inductor" or not found:
        found.append(TorchScriptBackend())
    return found


def cpu_features(cpuinfo: Path = _CPUINFO) -> tuple[str, ...]:
    """The instructions of this machine that compiled code may depend on, as /proc/cpuinfo calls them."""
    for line in cpuinfo.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            present = set(value.split())
            return tuple(feature for feature in _FEATURES if feature in present)
    return ()
