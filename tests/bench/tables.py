"""The tables of README and docs, made from docs/benchmarks.json.

A table stands between `<!-- benchmarks:NAME -->` and `<!-- /benchmarks -->`. NAME is `machine`, `all`, or a
group of figures.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from models import result as models
from rollouts import result as rollouts
from soak import dear
from soak import result as soak
from torture import diskresult
from torture import result as torture

from bench import compiler, digests, latency, scale, serving, thousands
from bench.figures import FILE, ROOT, Figure, Report

GROUPS = {
    "operator": (*latency.NAMES, *digests.NAMES, *scale.NAMES, *thousands.NAMES),
    "compiler": compiler.NAMES,
    "serving": serving.NAMES,
    "torture": torture.NAMES,
    "torture-disks": diskresult.NAMES,
    "soak": (*soak.NAMES, *dear.NAMES),
    "models": models.NAMES,
    "rollouts": rollouts.NAMES,
}
HEAD = ["| figure | value | how |", "|---|---:|---|"]
PLACE = re.compile(r"(<!-- benchmarks:(?P<name>[^ ]+) -->\n).*?(<!-- /benchmarks -->)", re.DOTALL)


class UnknownTableError(Exception):
    """A page asks for a table that does not exist; the text says which there are."""


def table(name: str, report: Report) -> str:
    """The Markdown of one table, with the machine below it.

    Raises:
        UnknownTableError: there is no table of that name.
    """
    if name == "machine":
        return machine(report)
    if name == "all":
        chosen: Iterable[str] = sorted(report.figures)
    elif name in GROUPS:
        chosen = GROUPS[name]
    else:
        known = ", ".join(["machine", "all", *GROUPS])
        raise UnknownTableError(f"there is no table {name!r}: write one of {known} after 'benchmarks:'")
    found = {name: report.figures[name] for name in chosen if name in report.figures}
    if not found:
        return "Nothing of this has been measured yet."
    with_goals = any(figure.goal for figure in found.values())
    lines = ["| figure | value | goal | how |", "|---|---:|---:|---|"] if with_goals else HEAD
    lines = [*lines, *(row(each, figure, with_goal=with_goals) for each, figure in found.items())]
    return "\n".join([*lines, "", measured(report, found.values())])


def row(name: str, figure: Figure, *, with_goal: bool) -> str:
    number = f"{figure.value:,.3f}".rstrip("0").rstrip(".")
    cells = [f"`{name}`", f"{number} {figure.unit}", *([figure.goal] if with_goal else []), figure.how]
    return f"| {' | '.join(cells)} |"


def machine(report: Report) -> str:
    """One line on where and when the newest figures were measured."""
    return measured(report, [])


def measured(report: Report, figures: Iterable[Figure]) -> str:
    """One line on where and when these figures were measured; the newest of all where there are none."""
    if not report.machine:
        return "Nothing has been measured yet: run `make bench`."
    m = report.machine
    runs = sorted({(figure.date, figure.commit) for figure in figures}) or [(report.date, report.commit)]
    when = ", ".join(f"{date} at `{commit}`" for date, commit in runs)
    hardware = f"{m['cpu']}, {m['cores']} cores, {m['memoryGiB']} GiB"
    software = f"kernel {m['kernel']}, Kubernetes {m['kubernetes']}"
    return f"Measured on {when}: {hardware}, {software}."


def rewrite(page: str, report: Report) -> str:
    """The page with all its tables made anew."""
    return PLACE.sub(lambda place: f"{place[1]}{table(place['name'], report)}\n{place[3]}", page)


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def write_all(report: Report) -> None:
    for page in pages():
        before = page.read_text()
        after = rewrite(before, report)
        if after != before:
            page.write_text(after)


if __name__ == "__main__":
    write_all(Report.read(FILE))
