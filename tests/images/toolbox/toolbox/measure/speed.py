"""`python -m toolbox.measure.speed MODEL --task TASK`: a compiled artifact against eager fp32.

The artifact is made by the compiler as a user's would be. Both run in this process, with the same number of
threads, in windows that take turns. The last line is the report, as JSON.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from neuron_artifact import Manifest, verify
from neuron_compiler import cpus, tasks
from neuron_compiler.request import parse

from toolbox.measure.process import run
from toolbox.measure.requests import request

WINDOW_SECONDS = 3.0
WINDOWS = 5
BATCH_SIZES = (1, 8)
# Of images; texts have none.
SIZES = {"imageSizes": [224]}
_DTYPES = {"INT64": torch.int64, "INT32": torch.int32, "FP32": torch.float32}

Model = Callable[..., Any]


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="toolbox.measure.speed", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--task", default="feature-extraction")
    parser.add_argument("--architecture")
    arguments = parser.parse_args(words)
    model: Path = arguments.model
    architecture = arguments.architecture
    wanted = request(model, task=arguments.task, architecture=architecture, batch_sizes=BATCH_SIZES, **SIZES)
    torch.set_num_threads(cpus.available())
    with tempfile.TemporaryDirectory() as work:
        environ = {"COMPILE_REQUEST": wanted, "STORE_PATH": work, "SOURCE_PATH": str(model.parent)}
        run(["-m", "toolbox.pod", "compile"], {**environ, "POD_NAME": "measured"})
        artifact = Path(work) / json.loads(wanted)["digest"]
        manifest = verify(artifact)
        asked = parse(wanted)
        task = tasks.prepare(asked, model, None)
        with torch.inference_mode():
            rows = [measure(manifest, artifact, task, name) for name in (b.name for b in manifest.buckets)]
    parity = manifest.parity
    report = {
        "backend": manifest.backend.name,
        "precision": manifest.backend.precision,
        "threads": torch.get_num_threads(),
        "parity": parity.to_dict() if parity else None,
        "buckets": rows,
    }
    print(json.dumps(report), flush=True)


def measure(manifest: Manifest, artifact: Path, task: Any, bucket: str) -> dict[str, Any]:
    """Rows a second of eager mode and of the artifact in one bucket, and their ratio window by window."""
    (mine,) = (each for each in manifest.buckets if each.name == bucket)
    (eagers,) = (each for each in task.buckets if each.name == bucket)
    inputs = next(iter(task.cases(eagers).values()))
    dtypes = [_DTYPES[each.trace_dtype or each.dtype] for each in manifest.inputs]
    cast = tuple(tensor.to(dtype) for tensor, dtype in zip(inputs, dtypes, strict=True))
    compiled = load(artifact / mine.path)
    pairs = []
    for _ in range(WINDOWS + 1):
        eager = window(task.module, inputs) * mine.batch
        pairs.append((eager, window(compiled, cast) * mine.batch))
        print(f"{bucket}: eager {eager:.1f}, artifact {pairs[-1][1]:.1f} rows a second", flush=True)
    counted = pairs[1:]  # The first is a warm-up.
    return {
        "bucket": bucket,
        "batch": mine.batch,
        "eager": statistics.median(eager for eager, _ in counted),
        "artifact": statistics.median(fast for _, fast in counted),
        "speedUp": statistics.median(fast / eager for eager, fast in counted),
    }


def load(path: Path) -> Model:
    """The compiled model of a bucket, as any program would load it."""
    if path.suffix == ".pt2":
        loaded: Model = torch._inductor.aoti_load_package(str(path))
        return loaded
    script: Model = torch.jit.load(str(path)).eval()
    return script


def window(model: Model, inputs: tuple[torch.Tensor, ...]) -> float:
    """Calls a second, one after the other, for as long as a window is."""
    calls, began = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - began) < WINDOW_SECONDS:
        model(*inputs)
        calls += 1
    return calls / elapsed


if __name__ == "__main__":
    main()
