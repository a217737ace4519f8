"""The Neuron runtime of the image and the driver of the node: found without Neuron, and compared."""

from pathlib import Path

import pytest
from neuron_serving.neuronversions import installed, mismatch

_DPKG = """Package: aws-neuronx-tools
Status: install ok installed
Version: 2.28.23.0-f1c114a9d

Package: aws-neuronx-runtime-lib
Status: install ok installed
Version: 2.33.10.0-abc
"""


def test_the_drivers_and_the_runtimes_versions_are_found(tmp_path: Path) -> None:
    driver, packages = tmp_path / "version", tmp_path / "status"
    assert installed(driver, packages) == {}
    driver.write_text("2.29.0.0\n")
    packages.write_text(_DPKG)
    assert installed(driver, packages) == {"neuron-driver": "2.29.0.0", "neuron-runtime": "2.33.10.0-abc"}


@pytest.mark.parametrize(
    ("runtime", "driver", "says"),
    [
        ("2.33.10.0", "2.29.0.0", None),
        ("2.31.24.0", "2.27.4.0", None),
        ("2.32.31.0", "2.26.5.0", "newer than 2.26"),
        ("2.32.31.0", "2.29.0.0", "2.33 or newer"),
    ],
)
def test_what_is_documented_not_to_start_together_is_told(
    runtime: str, driver: str, says: str | None
) -> None:
    found = mismatch(runtime, driver)
    assert found is None if says is None else says in (found or "")
