"""`python -m crdtools`: make the generated parts of the CRDs, the chart's copy and docs/api.md anew.

With `--check` nothing is written; it fails where something is not what would be written.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from crdtools.kubernetes import structural
from crdtools.page import page
from crdtools.splice import splice

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "api.md"
CHART = ROOT / "charts" / "neuron-operator" / "files" / "crds"
NAMES = ("neuronmodels.yaml", "neuronartifacts.yaml")


def generated() -> Iterator[tuple[Path, str]]:
    """Each generated file with what has to stand in it."""
    texts = [splice((ROOT / "crds" / name).read_text(), structural) for name in NAMES]
    for name, text in zip(NAMES, texts, strict=True):
        yield ROOT / "crds" / name, text
        yield CHART / name, text
    yield PAGE, page([yaml.safe_load(text) for text in texts])


def main() -> int:
    parser = argparse.ArgumentParser(prog="crdtools", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    stale = [(path, text) for path, text in generated() if not path.exists() or path.read_text() != text]
    for path, text in stale:
        print(f"{path.relative_to(ROOT)} {'is stale: run make crds' if check else 'is made anew'}")
        if not check:
            path.write_text(text)
    return int(bool(stale) and check)


if __name__ == "__main__":
    sys.exit(main())
