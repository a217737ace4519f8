"""`make demo`: the first thing that a newcomer runs."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from demo.__main__ import NAMESPACE, OPERATOR_NAMESPACE
from support.images import ROOT
from support.kube import Kube
from support.python import importing_the_same
from support.release import Release


@pytest.fixture
def cleared(kube: Kube, images: dict[str, str]) -> Iterator[None]:
    """Removes what the demo leaves on the cluster, unless it was there before."""
    there = kube.get("namespace", NAMESPACE) is not None
    yield
    if not there:
        kube.remove_namespace(NAMESPACE)
        Release(kube, OPERATOR_NAMESPACE, [NAMESPACE], images, {}).uninstall()
        kube.remove_namespace(OPERATOR_NAMESPACE)


@pytest.mark.usefixtures("cleared")
def test_the_demo_serves_two_models_that_answer_as_eager_mode_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo"],
        cwd=ROOT,
        env={**os.environ, **importing_the_same()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert done.stdout.count("PASS: ") == 2, done.stdout[-3000:]
