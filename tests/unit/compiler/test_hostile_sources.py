"""Sources of tenants who mean harm: each ends soon, with a reason that stays, or does no harm."""

import bz2
import gzip
import io
import json
import lzma
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from neuron_compiler import jsonfile, labels
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sources import archive, claim, fetch, files, limits, scratch

HTTPS = Model("https://example.com/bert", None, "0" * 64, "feature-extraction", "Auto", None, False)
PVC = Model("pvc://models/bert", None, None, "feature-extraction", "Auto", None, False)
DEEP = "[" * 100_000


def refused(work: Callable[[], object], words: str) -> None:
    with pytest.raises(CompileError, match=words) as caught:
        work()
    assert (caught.value.reason, caught.value.heals) == ("ModelUnreadable", False)


def unpack_refused(path: Path, words: str) -> None:
    out = path.parent / "out"
    refused(lambda: archive.unpack(path, out, HTTPS), words)


def header(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_header_of_gigabytes_is_not_read_into_memory(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "m.tgz"
    with gzip.open(path, "wb", 1) as packed:
        packed.write(header("x", 8 << 30, kind))
        packed.write(bytes(64 << 20))
    unpack_refused(path, "table of contents is larger")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_headers_about_headers_end(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "m.tar"
    content = b"5 a=b".ljust(512, b"\0") if kind == tarfile.XHDTYPE else b"name".ljust(512, b"\0")
    path.write_bytes((header("x", 5, kind) + content) * 5000 + header("config.json") + bytes(1024))
    unpack_refused(path, "can't be unpacked")


def test_a_negative_size_leads_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "m.tar"
    path.write_bytes(header("config.json") + header("model.safetensors", -1024) + bytes(1024))
    unpack_refused(path, "archive")


def test_members_are_counted_while_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_MOST_MEMBERS", 50)
    path = tmp_path / "m.tar"
    path.write_bytes(header("a") * 1000)
    unpack_refused(path, "more than 50 members")


def test_what_lies_before_a_member_is_not_unpacked_without_end(tmp_path: Path) -> None:
    path = tmp_path / "m.tgz"
    with gzip.open(path, "wb", 1) as packed:
        packed.write(header("unused.bin", 1 << 40))
        packed.write(bytes(1 << 20))
    unpack_refused(path, "unpacks to more than 100 times its size")


def test_a_table_of_contents_of_a_million_members_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    entry = (
        struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
        + b"a"
    )
    table = entry * 1_000_000
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(table), 0, 0)
    path.write_bytes(table + end)
    unpack_refused(path, "table of contents is larger")


@pytest.mark.parametrize("how", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_packing_that_chooses_its_own_memory_is_refused(tmp_path: Path, how: int) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w", how) as packed:
        packed.writestr("config.json", b"{}")
    unpack_refused(path, "no plain, unencrypted file")


@pytest.mark.parametrize("compress", [lzma.compress, bz2.compress])
def test_a_tar_is_plain_or_gzip_whatever_its_name(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "m.tar"
    path.write_bytes(compress(header("config.json") + bytes(1024)))
    unpack_refused(path, "can't be unpacked")


@pytest.mark.parametrize("where", [30, 60])
def test_a_damaged_gzip_is_the_archives_fault_and_not_the_volumes(tmp_path: Path, where: int) -> None:
    path = tmp_path / "m.tgz"
    with tarfile.open(path, "w:gz") as packed:
        info = tarfile.TarInfo("config.json")
        info.size = 4000
        packed.addfile(info, io.BytesIO(os.urandom(4000)))
    content = bytearray(path.read_bytes())
    content[where] ^= 0xFF
    path.write_bytes(content)
    unpack_refused(path, "can't be unpacked|archive")


@pytest.mark.parametrize("suffix", [".tar", ".zip"])
@pytest.mark.parametrize(
    "names", [["1.json", "1.json/config.json"], ["a" * 300 + ".json"], ["1/a.json", "1.json/b/../a"]]
)
def test_names_that_no_disk_takes_are_the_models_fault(tmp_path: Path, suffix: str, names: list[str]) -> None:
    path = tmp_path / f"m{suffix}"
    names = ["modules.json", *names]
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as packed:
            for name in names:
                packed.writestr(name, b"{}")
    else:
        with tarfile.open(path, "w") as tar:
            for name in names:
                tar.addfile(tarfile.TarInfo(name))
    unpack_refused(path, "names can't be written|leads out of it")


@pytest.mark.parametrize("name", [".", "./."])
def test_a_file_without_a_name_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("config.json", b"{}")
        packed.writestr(name, b"{}")
    unpack_refused(path, "without a name")


def test_names_of_an_archive_are_cut_in_the_message(tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("../" + "x" * 60_000, b"{}")
    with pytest.raises(CompileError) as caught:
        archive.unpack(path, tmp_path / "out", HTTPS)
    assert len(caught.value.message) < 500


def test_large_members_come_out_whole(tmp_path: Path) -> None:
    content = os.urandom(5_000_000)
    for name in ("m.tar", "m.tgz", "m.zip"):
        path = tmp_path / name
        if name == "m.zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
                packed.writestr("model.safetensors", content)
        else:
            with tarfile.open(path, "w:gz" if name == "m.tgz" else "w") as tar:
                info = tarfile.TarInfo("model.safetensors")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        archive.unpack(path, tmp_path / f"out-{name}", HTTPS)
        assert (tmp_path / f"out-{name}/model.safetensors").read_bytes() == content


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """A claim with a whole model in the directory bert."""
    bert = tmp_path / "claim" / "bert"
    bert.mkdir(parents=True)
    (bert / "config.json").write_text("{}")
    (bert / "model.safetensors").touch()
    return tmp_path / "claim"


def fetched(mounted: Path) -> Path:
    return fetch(PVC, {"SOURCE_PATH": str(mounted)}).directory


@pytest.mark.parametrize(
    "to", ["/proc/self/environ", "/dev/zero", "/etc/passwd", "../../elsewhere", "vocab.txt"]
)
@pytest.mark.parametrize(
    "name", ["vocab.txt", "tokenizer.json", "pytorch_model.bin", "1_Pooling/config.json"]
)
def test_a_link_that_leads_out_of_a_claim_is_refused(mounted: Path, to: str, name: str) -> None:
    (mounted.parent / "elsewhere").write_text("somebody else's")
    link = mounted / "bert" / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(link.name if to == "vocab.txt" else "/elsewhere" if to.startswith("..") else to)
    refused(lambda: fetched(mounted), r"has a link that leads out of it, or nowhere \(")


def test_a_folder_that_is_a_link_out_of_the_claim_is_refused(mounted: Path) -> None:
    other = mounted.parent / "other"
    other.mkdir()
    (other / "config.json").write_text("{}")
    (mounted / "bert" / "1_Pooling").symlink_to(other)
    refused(lambda: fetched(mounted), "has a link that leads out")


def test_links_within_a_claim_are_followed(mounted: Path) -> None:
    blobs = mounted / "blobs"
    blobs.mkdir()
    (blobs / "ab12").write_text("[PAD]")
    (mounted / "bert" / "vocab.txt").symlink_to("../blobs/ab12")
    assert fetched(mounted) == mounted / "bert"


@pytest.mark.parametrize("name", ["vocab.txt", "tokenizer.json", "merges.txt", "weights.bin"])
def test_a_pipe_is_not_waited_on(mounted: Path, name: str) -> None:
    os.mkfifo(mounted / "bert" / name)
    refused(lambda: fetched(mounted), "has a pipe or a device in the place of")


def test_a_vocabulary_of_a_terabyte_is_not_read(mounted: Path) -> None:
    with (mounted / "bert" / "tokenizer.json").open("wb") as sparse:
        sparse.truncate(1 << 40)
    refused(lambda: fetched(mounted), r"has tokenizer\.json of 1099511627776 bytes")


def test_an_index_without_end_is_not_read_into_memory(mounted: Path) -> None:
    name = "model.safetensors.index.json"
    with (mounted / "bert" / name).open("wb") as sparse:
        sparse.truncate(200 << 20)
    fetched(mounted)
    assert len(files.reader(mounted / "bert")(name)) == jsonfile.MOST_BYTES + 1
    with pytest.raises(ValueError, match="more than"):
        jsonfile.read(mounted / "bert" / name)


def test_more_files_than_any_model_has_are_not_walked_through(
    mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MOST_FILES", 3)
    for number in range(5):
        (mounted / "bert" / f"{number}.npy").touch()
    refused(lambda: fetched(mounted), "holds more than 3 files")


@pytest.mark.parametrize("name", ["../other/model.safetensors", "/etc/passwd", "a" * 300, "a\0b"])
def test_an_index_that_names_files_elsewhere_is_refused(mounted: Path, name: str) -> None:
    (mounted / "bert" / "model.safetensors").unlink()
    index = {"weight_map": {"w": name, "v": "model-00001-of-00001.safetensors"}}
    (mounted / "bert" / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(lambda: fetched(mounted), "no file of the model's")


@pytest.mark.parametrize("folder", ["../other", "/etc", "a" * 300])
def test_modules_elsewhere_are_refused(mounted: Path, folder: str) -> None:
    modules = [{"type": "sentence_transformers.models.Pooling", "path": folder}]
    (mounted / "bert" / "modules.json").write_text(json.dumps(modules))
    refused(lambda: fetched(mounted), "no file of the model's")


@pytest.mark.parametrize("name", ["config.json", "modules.json", "model.safetensors.index.json"])
def test_json_that_nests_without_end_is_no_json(mounted: Path, name: str) -> None:
    (mounted / "bert" / name).write_text(DEEP)
    fetched(mounted)
    with pytest.raises(ValueError, match="nests too deeply"):
        jsonfile.read(mounted / "bert" / name)


@pytest.mark.parametrize("path", ["loop", "a" * 300, "a" * 5000])
def test_a_claims_path_that_can_not_be_followed_is_no_directory(mounted: Path, path: str) -> None:
    (mounted / "loop").symlink_to("loop")
    with pytest.raises(CompileError) as caught:
        claim.directory(f"models/{path}", mounted)
    assert caught.value.reason == "SourceNotFound"


def test_a_full_disk_still_heals(tmp_path: Path) -> None:
    assert scratch.failed(OSError(28, "No space left on device"), tmp_path, "x").heals


@pytest.mark.parametrize("given", [{0: "a" * (3 << 20)}, {0: "\ud800"}])
def test_labels_that_can_not_be_answered_with_are_refused(given: dict[int, str]) -> None:
    refused(lambda: labels.of_mapping(given, 1, "hf://a/b"), "label")


def test_as_many_labels_as_no_model_has_are_refused() -> None:
    given = [str(number) for number in range(200_000)]
    refused(lambda: labels.of_mapping(given, len(given), "hf://a/b"), "200000 labels")


def test_files_whose_names_are_no_text_are_no_reason_to_fail(mounted: Path) -> None:
    (mounted / "bert" / os.fsdecode(b"bad\xff\n\x1b[31m.txt")).touch()
    assert files.wanted([path.name for path in fetched(mounted).iterdir()], PVC)
