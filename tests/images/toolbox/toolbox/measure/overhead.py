"""`python -m toolbox.measure.overhead MODEL --backend NAME`: the whole pipeline over a bare compile.

Each run has a process of its own, an empty store and no caches; the two kinds take turns, and medians are
compared. The last line is the report, as JSON.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from toolbox.measure.process import Cost, run
from toolbox.measure.requests import request


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="toolbox.measure.overhead", description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--backend", choices=["TorchScript", "Inductor"], required=True)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args(words)
    model: Path = arguments.model
    wanted = request(model, cpuBackend=arguments.backend, autoCast="none")

    def bare(work: Path) -> Cost:
        return run(["-m", "toolbox.measure.bare", str(model), str(work)], environ(work))

    def pipeline(work: Path) -> Cost:
        places = {"STORE_PATH": str(work), "SOURCE_PATH": str(model.parent), "POD_NAME": "measured"}
        return run(["-m", "toolbox.pod", "compile"], {**environ(work), **places})

    def environ(work: Path) -> dict[str, str]:
        return {"COMPILE_REQUEST": wanted, "TORCHINDUCTOR_CACHE_DIR": str(work / "cache")}

    # The first of each kind fills the page cache and is not counted.
    costs: dict[str, list[Cost]] = {"bare": [], "pipeline": []}
    kinds: dict[str, Callable[[Path], Cost]] = {"bare": bare, "pipeline": pipeline}
    for turn in range(arguments.runs + 1):
        for name, kind in kinds.items():
            with tempfile.TemporaryDirectory() as work:
                cost = kind(Path(work))
            print(f"{name} {turn}: {cost.seconds:.1f} s, {cost.bytes / 2**20:.0f} MiB", flush=True)
            if turn:
                costs[name].append(cost)
    report = {
        name: {
            "seconds": statistics.median(cost.seconds for cost in kind),
            "bytes": statistics.median(cost.bytes for cost in kind),
        }
        for name, kind in costs.items()
    }
    print(json.dumps({**report, "runs": arguments.runs}), flush=True)


if __name__ == "__main__":
    main()
