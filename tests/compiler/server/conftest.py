"""A front before the real artifact of a tiny classifier of texts and pairs, for all tests of a module."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from compiler import models
from compiler.conftest import published, request
from compiler.server.fronts import Front, start


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact's directory."""
    scratch = tmp_path_factory.mktemp("front")
    return published(
        request(model__task="text-classification"),
        models.bert_classifier(scratch / "bert"),
        scratch / "store",
    )


@pytest.fixture(scope="module")
def front(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """The front behind the real HAProxy."""
    if shutil.which("haproxy") is None:
        pytest.skip("HAProxy is installed in the image of the tests only")
    made = start(artifact, tmp_path_factory.mktemp("log"))
    yield made
    made.stop()
