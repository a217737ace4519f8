"""The tables of README and docs, made from docs/benchmarks.json.

A table stands between `<!-- benchmarks:NAME -->` and `<!-- /benchmarks -->`. NAME is `machine`, `all`, or a
group of figures.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from bench import latency, scale
from bench.figures import FILE, ROOT, Figure, Report

GROUPS = {"operator": (*latency.NAMES, *scale.NAMES)}
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
    lines = ["| figure | value | how |", "|---|---:|---|"]
    lines += [row(figure, report.figures[figure]) for figure in chosen if figure in report.figures]
    return "\n".join([*lines, "", machine(report)])


def row(name: str, figure: Figure) -> str:
    number = f"{figure.value:,.3f}".rstrip("0").rstrip(".")
    return f"| `{name}` | {number} {figure.unit} | {figure.how} |"


def machine(report: Report) -> str:
    """One line on where and when the figures were measured."""
    if not report.machine:
        return "Nothing has been measured yet: run `make bench`."
    m = report.machine
    hardware = f"{m['cpu']}, {m['cores']} cores, {m['memoryGiB']} GiB"
    software = f"kernel {m['kernel']}, Kubernetes {m['kubernetes']}"
    return f"Measured on {report.date} at `{report.commit}`: {hardware}, {software}."


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
