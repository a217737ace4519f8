"""What the compile pipeline costs over a bare compile, and what its artifacts gain over eager mode."""

import json
from collections.abc import Mapping
from typing import Any

from support.kube import Kube, Object
from support.toolbox import Toolbox

from bench.figures import Figure
from bench.progress import say

NAMESPACE = "bench-compiler"
OVERHEAD_GOAL, MEMORY_GOAL, SPEED_GOAL = "<= 1.10", "<= 1.3", ">= 3 with bf16 instructions"
BACKENDS = ("TorchScript", "Inductor")
RUNS = "3"
OVERHEAD_NAMES = (
    "compile_overhead_ratio",
    "compile_peak_memory_ratio",
    *(f"compile_overhead_ratio_{backend.lower()}" for backend in BACKENDS),
    *(f"compile_peak_memory_ratio_{backend.lower()}" for backend in BACKENDS),
)
# Name of the figure: the directory of the model, what puts it there, and its name in words.
SPEEDS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "cpu_speedup_gpt2_s128": (
        "gpt2",
        ("toolbox.seed", "gpt2", "--out"),
        "GPT-2 small, sequence 128",
    ),
    "cpu_speedup_minilm_s128": (
        "minilm",
        ("toolbox.seed", "minilm", "--out"),
        "MiniLM-L6 sentence vectors, sequence 128",
    ),
    "cpu_speedup_resnet18": (
        "resnet18-cifar10",
        ("toolbox.seed", "resnet18", "--out"),
        "ResNet18, ten classes, 224 x 224 pixels",
    ),
}
_IMAGES = {"resnet18-cifar10": ("--task", "image-classification", "--architecture", "torchvision/resnet18")}
PIXELS = "image_door_ratio"
NAMES = (*OVERHEAD_NAMES, *SPEEDS, PIXELS)


def measure(kube: Kube, image: str, only: str | None) -> dict[str, Figure]:
    """The figures, or only that one (with those that come with it), from pods of the toolbox image."""
    measured: dict[str, Figure] = {}
    with kube.temporary_namespace(NAMESPACE):
        kube.shared_volume("models", NAMESPACE)
        bench = Bench(kube, Toolbox(image, NAMESPACE, {"models": "/models"}))
        if only is None or only in OVERHEAD_NAMES:
            bench.seed("gpt2", SPEEDS["cpu_speedup_gpt2_s128"][1])
            measured |= overheads({backend: bench.overhead(backend) for backend in BACKENDS})
        for name, (directory, seed, words) in SPEEDS.items():
            if only in (None, name):
                bench.seed(directory, seed)
                measured[name] = speed(bench.speed(directory), words)
        if only in (None, PIXELS):
            measured[PIXELS] = pixels(bench.pixels())
    return measured


class Bench:
    """The Jobs that measure, one at a time."""

    def __init__(self, kube: Kube, toolbox: Toolbox) -> None:
        self._kube, self._toolbox = kube, toolbox

    def seed(self, directory: str, seed: tuple[str, ...]) -> None:
        say(f"putting {directory} on the volume")
        command = ("python", "-m", *seed, f"/models/{directory}")
        self._kube.run_job(self._toolbox.job(f"seed-{directory}", *command))

    def overhead(self, backend: str) -> Object:
        """The report of toolbox.measure.overhead for GPT-2 small."""
        say(f"measuring the pipeline's overhead with {backend}")
        command = ("python", "-m", "toolbox.measure.overhead", "/models/gpt2", "--runs", RUNS)
        return self._report(f"overhead-{backend.lower()}", *command, "--backend", backend)

    def speed(self, directory: str) -> Object:
        """The report of toolbox.measure.speed."""
        say(f"measuring {directory} against eager mode")
        command = (
            "python",
            "-m",
            "toolbox.measure.speed",
            f"/models/{directory}",
            *_IMAGES.get(directory, ()),
        )
        return self._report(f"speed-{directory}", *command)

    def pixels(self) -> Object:
        """The report of toolbox.measure.pixels."""
        say("measuring the door for pictures")
        return self._report("pixels", "python", "-m", "toolbox.measure.pixels")

    def _report(self, name: str, *command: str) -> Object:
        log = self._kube.run_job(self._toolbox.job(name, *command), timeout=3600)
        return dict(json.loads(log.splitlines()[-1]))


def overheads(reports: Mapping[str, Any]) -> dict[str, Figure]:
    """Figures of reports of toolbox.measure.overhead by backend; the worst backend stands for all."""
    figures: dict[str, Figure] = {}
    for name, of, goal, unit, scale in (
        ("compile_overhead_ratio", "seconds", OVERHEAD_GOAL, "s", 1),
        ("compile_peak_memory_ratio", "bytes", MEMORY_GOAL, "MiB", 2**20),
    ):
        for backend, report in reports.items():
            whole, bare = report["pipeline"][of], report["bare"][of]
            how = (
                f"{backend}, GPT-2 small at 128, fp32: {whole / scale:.1f} {unit} for fetching from a claim, "
                f"compiling, parity and publishing over {bare / scale:.1f} {unit} for loading, compiling and "
                f"saving alone; medians of {report['runs']} runs each, in turns, fresh processes"
            )
            figures[f"{name}_{backend.lower()}"] = Figure(round(whole / bare, 3), "x", how, goal)
        own = [figures[f"{name}_{backend.lower()}"] for backend in reports]
        worst = max(own, key=lambda figure: figure.value)
        figures[name] = Figure(worst.value, "x", f"the worse of {' and '.join(reports)}", goal)
    return figures


def speed(report: Object, model: str) -> Figure:
    """The figure of a report of toolbox.measure.speed: the bucket with the highest throughput."""
    best = max(report["buckets"], key=lambda row: row["artifact"])
    each = ", ".join(f"batch {row['batch']}: {row['speedUp']:.2f}" for row in report["buckets"])
    parity = report["parity"]
    how = (
        f"{model}: rows a second of the artifact over eager fp32 ({best['artifact']:.1f} over "
        f"{best['eager']:.1f} at batch {best['batch']}; {each}), {report['backend']} {report['precision']}, "
        f"{report['threads']} threads each, windows in turns; parity {parity['metric']} "
        f"{parity['value']:.1e} of {parity['tolerance']:.0e}"
    )
    return Figure(round(best["speedUp"], 2), "x", how, SPEED_GOAL)


def pixels(report: Object) -> Figure:
    """The figure of a report of toolbox.measure.pixels."""
    how = (
        f"a JPEG of {report['width']} x {report['height']} to 224 x 224 pixel values: "
        f"{report['library']:.2f} ms by transformers' own processor over {report['steps']:.2f} ms by steps "
        f"of Pillow; medians of {report['rounds']}, in turns"
    )
    return Figure(round(report["library"] / report["steps"], 2), "x", how)
