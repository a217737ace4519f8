"""A stand-in for the program neuronx-cc: it knows the documented flags, and writes its log where it stands.

STANDIN_NEURONX_CC_FAILS names an error code: it then says what the documentation has for it, in its output
and its log, and ends with 70. Source: aws-neuron-sdk, compiler/neuronx-cc/api-reference-guide and
compiler/error-codes.
"""

import argparse
import os
import sys
from pathlib import Path

FAILED = 70
SAYS = {
    "EOOM001": "Maximum peak HBM usage of 32.00GB exceeds HBM limit of 16.00GB for Inf2.",
    "EVRF001": "Operator topk is not supported. Locate the operator in source or libraries and replace it.",
    "EVRF007": "The number of instructions generated exceeds the limit.",
    "EMOD025": "Dynamic shape is not supported.",
    "EARG001": "Unsupported Logical Neuron Core (LNC) configuration.",
}


def main(words: list[str] | None = None) -> int:
    """Compiles; returns the exit status."""
    parser = argparse.ArgumentParser(prog="neuronx-cc", allow_abbrev=False)
    parser.add_argument("command", choices=["compile"])
    parser.add_argument("graph", type=Path)
    parser.add_argument("--framework", required=True, choices=["XLA"])
    parser.add_argument("--output", type=Path, default=Path("file.neff"))
    parser.add_argument("--logfile", type=Path, default=Path("log-neuron-cc.txt"))
    parser.add_argument("--target", required=True, choices=["inf2", "trn1", "trn1n", "trn2"])
    parser.add_argument(
        "--model-type", default="generic", choices=["generic", "transformer", "unet-inference"]
    )
    parser.add_argument("--auto-cast", default="none", choices=["none", "matmult", "all"])
    parser.add_argument("--auto-cast-type", default="bf16", choices=["bf16", "fp16", "tf32", "fp8_e4m3"])
    parser.add_argument("--optlevel", "-O", type=int, default=2, choices=[1, 2, 3])
    parser.add_argument("--logical-nc-config", type=int, choices=[1, 2])
    parser.add_argument("--enable-fast-loading-neuron-binaries", action="store_true")
    parser.add_argument("--enable-fast-context-switch", action="store_true")
    parser.add_argument("--enable-saturate-infinity", action="store_true")
    parser.add_argument("--disable-mixed-precision-accumulation", action="store_true")
    said = parser.parse_args(words)
    if said.logical_nc_config is not None and said.target != "trn2":
        parser.error("--logical-nc-config is of trn2 only")
    code = os.environ.get("STANDIN_NEURONX_CC_FAILS", "")
    line = f"[ERROR] [NCC_{code}] {SAYS[code]}" if code else "Compiler status PASS"
    said.logfile.write_text(f"neuronx-cc 2.26.6360.0\n{line}\n")
    print(line, file=sys.stderr if code else sys.stdout, flush=True)
    if code:
        return FAILED
    said.output.write_bytes(said.graph.read_bytes())
    return 0
