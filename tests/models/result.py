"""The figures of a sweep."""

from collections.abc import Sequence

from bench.figures import Figure

from models.record import CRASHED, REFUSED, RIGHT, WRONG, Record

NAMES = (
    "models_tried",
    "models_right",
    "models_refused_with_reason",
    "models_silently_wrong",
    "models_crashed",
)
_PAIRS = ("transformers", "pictures")
_BESIDES = {"timm": "modules of timm", "sentence-transformers": "chains of sentence-transformers"}


def figures(records: Sequence[Record], commit: str) -> dict[str, Figure]:
    """Pairs of architecture and task for what was tried, right and refused; of what must not be, all. The
    commit is the present one.
    """
    tried = [record for record in records if record.tried]
    pairs = [record for record in tried if record.kind in _PAIRS]
    besides = "; besides, " + ", ".join(
        f"{_count(of, RIGHT)} of {len(of)} {words} are right and {_count(of, REFUSED)} refused"
        for kind, words in {**_BESIDES, "variants": "variants of files"}.items()
        if (of := [record for record in tried if record.kind == kind])
    )
    how = "tiny, random weights, TorchScript, through the door in process, against the model's own library"
    left = sum(record.kind in _PAIRS and not record.tried for record in records)
    older = sum(record.commit != commit for record in records)
    since = f"; of all {len(records)} subjects {older} ran at earlier commits" if older else ""
    return {
        "models_tried": Figure(
            len(pairs),
            "pairs",
            f"pairs of transformers' architecture and task, {how}; {left} more have nothing to compare or "
            f"could not be made tiny{since}",
            ">= 350",
        ),
        "models_right": Figure(
            _count(pairs, RIGHT), "pairs", f"answers within 1e-3 of the library's{besides}"
        ),
        "models_refused_with_reason": Figure(
            _count(pairs, REFUSED), "pairs", "compiled not at all, with a reason that says why"
        ),
        "models_silently_wrong": Figure(
            _count(tried, WRONG),
            "subjects",
            "published, with answers that are not the library's; of all",
            "0",
        ),
        "models_crashed": Figure(
            _count(tried, CRASHED), "subjects", "CompilerCrashed or a dead process; of all", "0"
        ),
    }


def _count(records: Sequence[Record], outcome: str) -> int:
    return sum(record.outcome == outcome for record in records)
