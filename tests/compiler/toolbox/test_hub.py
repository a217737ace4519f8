"""The stand-in of the model hub, asked by the hub's real client."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from toolbox.hub import Hub, serve

TOKEN = "hf_opens_private_repositories"  # noqa: S105 - of the stand-in
WEIGHTS = bytes(range(256)) * 40_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    (root / "tiny" / "1_Pooling").mkdir(parents=True)
    (root / "tiny" / "config.json").write_text("{}")
    (root / "tiny" / "1_Pooling" / "config.json").write_text('{"pooling": "mean"}')
    (root / "tiny" / "model.safetensors").write_bytes(WEIGHTS)
    (root / "no-model").mkdir()
    return root


@pytest.fixture(scope="module")
def endpoint(root: Path) -> Iterator[str]:
    server = serve(Hub(root, TOKEN), port=0, address="127.0.0.1")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_model_is_downloaded_whole(endpoint: str, root: Path, tmp_path: Path) -> None:
    found = Path(snapshot_download("example/tiny", endpoint=endpoint, cache_dir=tmp_path, token=False))
    for file in ("config.json", "1_Pooling/config.json", "model.safetensors"):
        assert (found / file).read_bytes() == (root / "tiny" / file).read_bytes()


def test_a_branch_is_resolved_to_the_commit_that_the_download_names(endpoint: str, tmp_path: Path) -> None:
    info = HfApi(endpoint=endpoint, token=False).model_info("example/tiny", revision="main")
    assert info.sha
    assert len(info.sha) == 40
    found = snapshot_download(
        "example/tiny", revision=info.sha, endpoint=endpoint, cache_dir=tmp_path, token=False
    )
    assert Path(found).name == info.sha


def test_an_interrupted_download_goes_on_where_it_stopped(endpoint: str, tmp_path: Path) -> None:
    first = hf_hub_download(
        "example/tiny", "model.safetensors", endpoint=endpoint, cache_dir=tmp_path, token=False
    )
    blob = Path(first).resolve()
    blob.rename(blob.with_name(f"{blob.name}.incomplete"))
    with blob.with_name(f"{blob.name}.incomplete").open("r+b") as part:
        part.truncate(1000)
    again = hf_hub_download(
        "example/tiny", "model.safetensors", endpoint=endpoint, cache_dir=tmp_path, token=False
    )
    assert Path(again).read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("repository", "revision", "token", "error"),
    [
        ("example/absent", "main", False, RepositoryNotFoundError),
        ("example/no-model", "main", False, RepositoryNotFoundError),
        ("nobody/tiny", "main", False, RepositoryNotFoundError),
        ("example/tiny", "no-such-branch", False, RevisionNotFoundError),
        ("private/tiny", "main", False, RepositoryNotFoundError),
        ("private/tiny", "main", "hf_of_somebody_else", RepositoryNotFoundError),
        ("gated/tiny", "main", TOKEN, GatedRepoError),
    ],
)
def test_the_client_raises_the_hubs_own_errors(
    endpoint: str, repository: str, revision: str, token: str | bool, error: type[Exception]
) -> None:
    with pytest.raises(error):
        HfApi(endpoint=endpoint, token=token).model_info(repository, revision=revision)


def test_a_file_that_is_not_there_is_an_entry_not_found(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(EntryNotFoundError):
        hf_hub_download("example/tiny", "absent.json", endpoint=endpoint, cache_dir=tmp_path, token=False)


def test_the_token_opens_a_private_repository(endpoint: str, tmp_path: Path) -> None:
    found = snapshot_download("private/tiny", endpoint=endpoint, cache_dir=tmp_path, token=TOKEN)
    assert (Path(found) / "model.safetensors").read_bytes() == WEIGHTS


def test_changed_files_are_a_new_commit(endpoint: str, root: Path) -> None:
    api = HfApi(endpoint=endpoint, token=False)
    before = api.model_info("example/tiny").sha
    (root / "tiny" / "config.json").write_text('{"changed": true}')
    assert api.model_info("example/tiny").sha != before
