"""What a check prints: a table, and a last line that is PASS or FAIL."""

import sys
from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns, each as wide as its widest cell."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in (header, *rows)
    )
    return "\n".join(line.rstrip() for line in lines)


def finish(failures: Sequence[str], passed: str) -> None:
    """Print PASS, or every failure and FAIL, and exit with 1."""
    for failure in failures:
        print(f"wrong: {failure}")
    print(f"FAIL: {len(failures)} of the checks" if failures else f"PASS: {passed}")
    sys.exit(bool(failures))
