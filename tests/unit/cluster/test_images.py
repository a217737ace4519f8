"""Images of one program."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from cluster import images


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "pause"
    path.write_bytes(b"\x7fELF and more")
    return path


def test_the_image_holds_the_program_as_its_entrypoint(program: Path) -> None:
    image = images.of_program(program)
    manifest = json.loads(image.manifest)
    config = json.loads(image.blobs[manifest["config"]["digest"]])
    layer = gzip.decompress(image.blobs[manifest["layers"][0]["digest"]])
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        member = archive.getmember("pause")
        content = archive.extractfile(member)
        assert content is not None
        assert content.read() == program.read_bytes()
        assert member.mode == 0o755
    assert config["config"]["Entrypoint"] == ["/pause"]
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(layer).hexdigest()]


def test_every_blob_is_named_by_its_digest_and_has_the_size_that_the_manifest_says(program: Path) -> None:
    image = images.of_program(program)
    manifest = json.loads(image.manifest)
    for described in (manifest["config"], *manifest["layers"]):
        blob = image.blobs[described["digest"]]
        assert described["digest"] == "sha256:" + hashlib.sha256(blob).hexdigest()
        assert described["size"] == len(blob)


def test_the_same_program_makes_the_same_image(program: Path) -> None:
    assert images.of_program(program) == images.of_program(program)
