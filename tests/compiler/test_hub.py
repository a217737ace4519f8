"""Downloads from a hub that speaks the real one's protocol, by the real client."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from compiler import models
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sources import fetch
from toolbox.hub import Hub, serve

_TOKEN = "hf_test"  # noqa: S105


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a hub with one model, readable under three names."""
    root = tmp_path_factory.mktemp("hub")
    (root / "gpt2").mkdir()
    models.gpt2(root / "gpt2")
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
