"""Archives of models: what is unpacked, and what is refused."""

import io
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sources import archive

_MODEL = Model("https://example.com/bert", None, "0" * 64, "feature-extraction", "Auto", None, False)


@dataclass(frozen=True)
class Entry:
    """A member: a file with content, or, with `link`, a symbolic link."""

    name: str
    content: bytes = b"{}"
    link: str | None = None


def tar(path: Path, entries: Sequence[Entry]) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as packed:
        for entry in entries:
            info = tarfile.TarInfo(entry.name)
            if entry.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
                packed.addfile(info)
            else:
                info.size = len(entry.content)
                packed.addfile(info, io.BytesIO(entry.content))
    return path


def zipped(path: Path, entries: Sequence[Entry]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in entries:
            packed.writestr(entry.name, entry.content)
    return path


def pack(path: Path, entries: Sequence[Entry]) -> Path:
    return zipped(path, entries) if path.suffix == ".zip" else tar(path, entries)


def names(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["m.tar", "m.tar.gz", "m.tgz", "m.zip"])
@pytest.mark.parametrize("below", ["", "bert/", "models/bert/"])
def test_what_a_compile_needs_is_unpacked_without_the_directory_around_it(
    tmp_path: Path, name: str, below: str
) -> None:
    files = ["config.json", "model.safetensors", "modules.json", "1_Pooling/config.json"]
    others = ["pytorch_model.bin", "onnx/model.onnx", "README.md"]
    packed = pack(tmp_path / name, [Entry(below + file, file.encode()) for file in [*files, *others]])
    archive.unpack(packed, tmp_path / "out", _MODEL)
    assert names(tmp_path / "out") == sorted(files)
    assert (tmp_path / "out/model.safetensors").read_bytes() == b"model.safetensors"


@pytest.mark.parametrize("name", ["m.tgz", "m.zip"])
@pytest.mark.parametrize(
    "path", ["../config.json", "bert/../../config.json", "/config.json", "..\\config.json"]
)
def test_a_path_that_leads_out_of_the_archive_is_refused_as_a_whole(
    tmp_path: Path, name: str, path: str
) -> None:
    packed = pack(tmp_path / name, [Entry("bert/config.json"), Entry(path)])
    with pytest.raises(CompileError, match="leads out of it") as caught:
        archive.unpack(packed, tmp_path / "out", _MODEL)
    assert (caught.value.reason, caught.value.exit_code) == ("ModelUnreadable", 10)
    assert names(tmp_path) == [name]


def test_a_link_is_refused(tmp_path: Path) -> None:
    packed = tar(tmp_path / "m.tar", [Entry("config.json", link="/etc/passwd")])
    with pytest.raises(CompileError, match=r"no plain, unencrypted file \(config\.json\)"):
        archive.unpack(packed, tmp_path / "out", _MODEL)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["m.tgz", "m.zip"])
def test_what_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path, name: str) -> None:
    packed = pack(tmp_path / name, [Entry("model.safetensors", bytes(5_000_000))])
    with pytest.raises(CompileError, match="unpacks to more than 100 times its size"):
        archive.unpack(packed, tmp_path / "out", _MODEL)


@pytest.mark.parametrize("name", ["m.tar", "m.tgz", "m.zip"])
def test_a_damaged_archive_is_told(tmp_path: Path, name: str) -> None:
    packed = pack(tmp_path / name, [Entry("config.json", bytes(range(256)) * 400)])
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    with pytest.raises(CompileError, match="can't be unpacked") as caught:
        archive.unpack(packed, tmp_path / "out", _MODEL)
    assert caught.value.reason == "ModelUnreadable"
