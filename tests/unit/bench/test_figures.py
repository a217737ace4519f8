from datetime import UTC, datetime
from pathlib import Path

import pytest
from bench.figures import FILE, Figure, Report
from bench.machine import bf16, describe, processor
from bench.tables import UnknownTableError, pages, rewrite, table

MACHINE = {"cpu": "A processor", "cores": 2, "memoryGiB": 24, "kernel": "6.1", "kubernetes": "v1.36.3"}
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
SECONDS = Figure(0.25, "s", "created to created")


def measured(**figures: Figure) -> Report:
    return Report({}, "", "", {}).merged(figures, machine=MACHINE, commit="abc", now=NOW)


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    report = measured(apply_to_job_seconds=SECONDS)
    report.write(tmp_path / "benchmarks.json")
    assert Report.read(tmp_path / "benchmarks.json") == report


def test_new_figures_replace_their_own_kind_and_leave_the_others() -> None:
    before = measured(old=Figure(1, "s", "then"), same=Figure(2, "s", "then"))
    after = before.merged({"same": Figure(3, "s", "now")}, machine=MACHINE, commit="def", now=NOW)
    assert {name: figure.value for name, figure in after.figures.items()} == {"old": 1, "same": 3}
    assert after.commit == "def"


def test_a_table_is_put_between_its_markers_and_the_rest_of_the_page_stays() -> None:
    page = "before\n<!-- benchmarks:operator -->\nold\n<!-- /benchmarks -->\nafter\n"
    report = measured(apply_to_job_seconds=SECONDS)
    assert rewrite(page, report) == (
        "before\n"
        "<!-- benchmarks:operator -->\n"
        "| figure | value | how |\n"
        "|---|---:|---|\n"
        "| `apply_to_job_seconds` | 0.25 s | created to created |\n"
        "\n"
        "Measured on 2026-01-02 at `abc`: A processor, 2 cores, 24 GiB, kernel 6.1, Kubernetes v1.36.3.\n"
        "<!-- /benchmarks -->\n"
        "after\n"
    )


def test_tables_that_are_made_anew_do_not_change() -> None:
    report = measured(apply_to_job_seconds=SECONDS)
    places = [f"<!-- benchmarks:{name} -->\n<!-- /benchmarks -->\n" for name in ("all", "machine")]
    page = "text\n".join(places)
    once = rewrite(page, report)
    assert once.count("apply_to_job_seconds") == 1
    assert rewrite(once, report) == once


def test_whole_numbers_are_written_without_a_fraction_and_large_ones_in_groups() -> None:
    report = measured(operator_rss_mib_200_models=Figure(1234.0, "MiB", "peak"))
    assert "| 1,234 MiB |" in table("operator", report)


def test_figures_of_several_runs_say_when_each_run_was() -> None:
    first = measured(apply_to_job_seconds=SECONDS)
    both = first.merged(
        {"api_writes_per_model": Figure(13, "writes", "counted")}, machine=MACHINE, commit="def", now=NOW
    )
    assert "Measured on 2026-01-02 at `abc`, 2026-01-02 at `def`: " in table("operator", both)


def test_a_goal_has_a_column_of_its_own() -> None:
    report = measured(compile_overhead_ratio=Figure(1.05, "x", "whole over bare", goal="<= 1.10"))
    lines = table("compiler", report).splitlines()
    assert lines[0] == "| figure | value | goal | how |"
    assert lines[2] == "| `compile_overhead_ratio` | 1.05 x | <= 1.10 | whole over bare |"


def test_a_table_without_figures_says_that_nothing_was_measured() -> None:
    report = measured(apply_to_job_seconds=SECONDS)
    assert table("torture", report) == "Nothing of this has been measured yet."


def test_the_instructions_of_a_processor_that_compute_in_bf16_are_named() -> None:
    assert bf16("processor\t: 0\nflags\t\t: fpu avx512_bf16 amx_bf16\n") == ["amx_bf16", "avx512_bf16"]
    assert bf16("processor\t: 0\nflags\t\t: fpu avx2\n") == []


def test_a_page_that_asks_for_an_unknown_table_is_told_which_there_are() -> None:
    with pytest.raises(UnknownTableError, match="write one of machine, all, operator, compiler"):
        table("opertor", measured())


def test_a_machine_is_described_without_its_name() -> None:
    described = describe("v1.36.3")
    assert set(described) == {"cpu", "bf16", "cores", "memoryGiB", "kernel", "python", "kubernetes"}
    assert described["cores"] >= 1


def test_a_processor_without_a_model_name_is_called_by_its_architecture() -> None:
    assert processor("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n") == "Some CPU @ 2 GHz"
    assert processor("processor\t: 0\nBogoMIPS\t: 50\n") in {"x86_64", "aarch64", "arm64"}


def test_the_tables_in_readme_and_docs_are_those_of_the_figures() -> None:
    report = Report.read(FILE)
    for page in pages():
        text = page.read_text()
        assert rewrite(text, report) == text, f"{page.name}: run `make verify`"
