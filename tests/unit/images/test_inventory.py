"""What is installed in an image, from a tree that is laid out like one."""

import shutil
import subprocess
from pathlib import Path

import pytest
from imagebuild.inventory import SCRIPT, Component, components

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u13
Description: GNU C Library
 Package: not-one-of-its-own
 Version: 0

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: haproxy
Status: hold ok installed
Architecture: amd64
Version: 1:2.6.12-1
"""
METADATA = """\
Metadata-Version: 2.4
Name: Foo_Bar.baz
Version: 1.0+cpu
License-Expression: Apache-2.0

Name: not-this
Version: 9
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "usr/lib/os-release": 'ID=debian\nVERSION_ID="12"\n',
        "var/lib/dpkg/status": STATUS,
        "opt/venv/lib/python3.11/site-packages/foo_bar_baz-1.0.dist-info/METADATA": METADATA,
        "usr/lib/python3/dist-packages/old.egg-info/PKG-INFO": "Name: old\nVersion: 2\n",
        "opt/a folder/lib/x.dist-info/METADATA": "Name: x\nVersion: 3\n",
        "opt/broken.dist-info/METADATA": "Summary: neither name nor version\n",
        "opt/venv/METADATA": "Name: no-package\nVersion: 1\n",
        "proc/1.dist-info/METADATA": "Name: not-looked-at\nVersion: 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def read(root: Path) -> list[Component]:
    done = subprocess.run(["sh", "-c", SCRIPT, "sh", str(root)], capture_output=True, check=True)
    return components(done.stdout)


def test_debians_packages_and_pythons_are_found_wherever_they_lie_and_named_for_advisories(
    root: Path,
) -> None:
    found = read(root)
    assert [(each.name, each.version) for each in found] == [
        ("Foo_Bar.baz", "1.0+cpu"),
        ("haproxy", "1:2.6.12-1"),
        ("libc6", "2.36-9+deb12u13"),
        ("old", "2"),
        ("x", "3"),
    ]
    assert [each.purl for each in found[:3]] == [
        "pkg:pypi/foo-bar-baz@1.0%2Bcpu",
        "pkg:deb/debian/haproxy@1%3A2.6.12-1?arch=amd64&distro=debian-12",
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64&distro=debian-12",
    ]
    assert found[0].licence == "Apache-2.0"


def test_an_image_of_another_distribution_has_its_name(root: Path) -> None:
    (root / "usr/lib/os-release").write_text('NAME="Ubuntu"\nID=ubuntu\nVERSION_ID="22.04"\n')
    assert read(root)[1].purl == "pkg:deb/ubuntu/haproxy@1%3A2.6.12-1?arch=amd64&distro=ubuntu-22.04"


def test_a_package_that_lies_twice_is_told_once(root: Path) -> None:
    shutil.copytree(root / "opt/a folder", root / "opt/again")
    assert [each.name for each in read(root)].count("x") == 1


def test_an_image_with_no_records_has_an_empty_list(tmp_path: Path) -> None:
    assert read(tmp_path) == []
