"""The records of the sweep: a part that is run anew leaves the others as they were."""

import re
from pathlib import Path

from bench import figures
from models import page, record, result
from models.record import REFUSED, RIGHT, Record

BERT = Record("text-classification/bert", "transformers", "text-classification", RIGHT)
CTRL = Record(
    "text-classification/ctrl", "transformers", "text-classification", REFUSED, "AnswersDiffer", "x"
)
ANEW = Record("text-classification/ctrl", "transformers", "text-classification", RIGHT)


def test_a_part_that_is_run_anew_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    record.write(tmp_path / "kept", record.merged([], [BERT, CTRL], "a1"))
    found = record.merged(record.read(tmp_path / "kept"), [ANEW], "b2")
    assert [(each.name, each.outcome, each.commit) for each in found] == [
        (BERT.name, RIGHT, "a1"),
        (ANEW.name, RIGHT, "b2"),
    ]
    assert "of all 2 subjects 1 ran at earlier commits" in result.figures(found, "b2")["models_tried"].how


def test_the_page_is_what_the_kept_records_make() -> None:
    written = (figures.ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    empty = re.sub(r"(<!-- benchmarks:models -->\n).*?(<!-- /benchmarks -->)", r"\1\2", written, flags=re.S)
    assert page.of(record.read(record.KEPT)) == empty
