"""Downloads from a hub that speaks the real one's protocol, by the real client."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from compiler import models
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sources import fetch
from toolbox.cutter import cutting
from toolbox.hub import Hub, serve

_TOKEN = "hf_test"  # noqa: S105


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a hub with one model."""
    root = tmp_path_factory.mktemp("hub")
    (root / "gpt2").mkdir()
    models.gpt2(root / "gpt2")
    return root


@pytest.fixture(scope="module")
def endpoint(root: Path) -> Iterator[str]:
    """The address of the hub, whose model is readable under three names."""
    server = serve(Hub(root, _TOKEN), 0, "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hub(endpoint: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a pod whose hub is the one above."""
    return {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path)}


def model(name: str, revision: str | None = None) -> Model:
    return Model(f"hf://{name}", revision, None, "feature-extraction", "Auto", None, False)


def test_a_model_is_downloaded_and_its_commit_is_kept(hub: dict[str, str]) -> None:
    source = fetch(model("example/gpt2"), hub)
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in source.directory.iterdir()
    }
    assert source.revision is not None
    assert len(source.revision) == 40
    assert fetch(model("example/gpt2", source.revision), hub).revision == source.revision


def test_a_download_goes_on_where_the_connection_was_cut(
    hub: dict[str, str], root: Path, endpoint: str
) -> None:
    # The hub's client keeps what has come in steps of 10 MB.
    step, weights = 10_000_000, os.urandom(5 * 10_000_000)
    (root / "large").mkdir()
    (root / "large/config.json").write_text("{}")
    (root / "large/model.safetensors").write_bytes(weights)
    with cutting(int(endpoint.rpartition(":")[2]), 25_000_000, 45_000_000) as cutter:
        through = {**hub, "HF_ENDPOINT": f"http://127.0.0.1:{cutter.port}"}
        source = fetch(model("example/large"), through)
        assert cutter.left == 0
        assert cutter.passed < len(weights) + 2 * step + step // 2
    assert (source.directory / "model.safetensors").read_bytes() == weights


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_file_that_is_not_what_the_hub_lists_is_refused_and_fetched_anew(
    hub: dict[str, str], root: Path, file: str
) -> None:
    path = root / "gpt2" / file
    whole, status = path.read_bytes(), path.stat()
    # The stand-in keeps checksums by time and size: this is a file that has gone bad on the hub's disk.
    assert fetch(model("example/gpt2"), {**hub, "HF_HOME": f"{hub['HF_HOME']}/before"}).revision
    path.write_bytes(whole[:-1] + b"~")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    try:
        with pytest.raises(CompileError, match=file) as caught:
            fetch(model("example/gpt2"), hub)
        assert (caught.value.reason, caught.value.heals) == ("ChecksumMismatch", True)
    finally:
        path.write_bytes(whole)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (fetch(model("example/gpt2"), hub).directory / file).read_bytes() == whole


def test_a_private_model_is_downloaded_with_a_token(hub: dict[str, str]) -> None:
    assert fetch(model("private/gpt2"), {**hub, "HF_TOKEN": _TOKEN}).revision


@pytest.mark.parametrize(
    ("name", "revision", "reason", "says"),
    [
        ("example/absent", None, "SourceNotFound", "spec.model.secretRef"),
        ("private/gpt2", None, "SourceNotFound", "spec.model.secretRef"),
        ("gated/gpt2", None, "SourceUnauthorized", "accept the model's conditions"),
        ("example/gpt2", "v9", "RevisionNotFound", "no revision v9"),
    ],
)
def test_what_the_hub_refuses_has_its_reason(
    hub: dict[str, str], name: str, revision: str | None, reason: str, says: str
) -> None:
    with pytest.raises(CompileError) as caught:
        fetch(model(name, revision), hub)
    assert (caught.value.reason, caught.value.exit_code) == (reason, 10)
    assert says in caught.value.message


def test_with_a_wrong_token_the_hint_at_a_token_is_left_out(hub: dict[str, str]) -> None:
    with pytest.raises(CompileError) as caught:
        fetch(model("private/gpt2"), {**hub, "HF_TOKEN": "hf_wrong"})
    assert caught.value.reason == "SourceNotFound"
    assert "secretRef" not in caught.value.message


def test_a_hub_that_does_not_answer_may_heal(hub: dict[str, str]) -> None:
    with pytest.raises(CompileError, match=r"hub\.endpoint") as caught:
        fetch(model("example/gpt2"), {**hub, "HF_ENDPOINT": "http://127.0.0.1:1"})
    assert (caught.value.reason, caught.value.exit_code) == ("SourceUnreachable", 11)
