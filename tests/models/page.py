"""docs/models.md: what works, what is refused and why."""

from collections.abc import Iterable, Sequence

from models.record import CRASHED, NOT_COMPARED, NOT_MADE, REFUSED, RIGHT, WRONG, Record

_OUTCOMES = (RIGHT, REFUSED, WRONG, CRASHED, NOT_COMPARED, NOT_MADE)
_HEAD = """# Models that were tried

`make models` makes this page. Every architecture of transformers that has a head for a task here, one
network of every module of timm, chains of modules of sentence-transformers and variants of the files that
releases have written are made tiny with random weights, compiled with TorchScript by the compiler's own
code, served through the door in the same process, and compared with the model's own library. *Right*:
within 1e-3 of the library's answers. *Refused*: not published, with a reason. *Wrong*: published, with
other answers. *Crashed*: the compiler gave no reason of the model's. *Not compared*: the library itself has
no answer, there is no door, or it took longer than the sweep waits. *Not made*: the library needs a package
that is not here, or the tiny configuration does not fit.

<!-- benchmarks:models -->
<!-- /benchmarks -->
"""


def of(records: Sequence[Record]) -> str:
    """The page; its table of figures is filled in by bench.tables."""
    whole = f"{len(records)} subjects are behind this page; what is not listed here was not tried.\n"
    parts = [_HEAD, "## By kind and task\n", whole, _counts(records)]
    for task in sorted({record.task for record in records}):
        own = sorted((record for record in records if record.task == task), key=lambda record: record.name)
        parts += [f"\n## {task}\n", *_task(own)]
    return "\n".join(parts).rstrip() + "\n"


def _counts(records: Sequence[Record]) -> str:
    lines = [f"| kind | task | {' | '.join(_OUTCOMES)} |", f"|---|---|{'---:|' * len(_OUTCOMES)}"]
    for kind, task in sorted({(record.kind, record.task) for record in records}):
        own = [record for record in records if (record.kind, record.task) == (kind, task)]
        numbers = [str(sum(record.outcome == outcome for record in own)) for outcome in _OUTCOMES]
        lines.append(f"| {kind} | {task} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def _task(records: Sequence[Record]) -> Iterable[str]:
    for kind in sorted({record.kind for record in records}):
        right = [record.short for record in records if record.kind == kind and record.outcome == RIGHT]
        if right:
            yield f"Right ({kind}): {', '.join(right)}.\n"
    others = [record for record in records if record.outcome != RIGHT]
    if others:
        yield "| model | outcome | reason | what was said |\n|---|---|---|---|"
        yield "\n".join(
            f"| {each.short} | {each.outcome} | {each.reason or '-'} | {_cell(each.said)} |"
            for each in others
        )


def _cell(text: str) -> str:
    plain = " ".join(text.replace("|", "/").replace("<", "(").replace(">", ")").split())
    return plain if len(plain) <= 200 else f"{plain[:197]}..."
