"""hf://organisation/name: a repository of the Hugging Face hub.

HF_ENDPOINT, HF_TOKEN and HF_HOME are honoured. The hub's own client downloads, and goes on after a dropped
connection; every file is checked against the checksum that the hub keeps of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from neuron_contract import variables

from neuron_compiler.failure import CompileError
from neuron_compiler.progress import Progress
from neuron_compiler.request import Model
from neuron_compiler.sources import checksum, files, hosts, limits, scratch

_HUB = "https://huggingface.co"


def download(model: Model, environ: Mapping[str, str], progress: type[Progress]) -> tuple[Path, str]:
    """Downloads what a compile needs; returns the directory and the commit. Raises CompileError."""
    import httpx2  # type: ignore[import-not-found]  # huggingface_hub's own HTTP library
    from huggingface_hub import HfApi, set_client_factory
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository = model.uri.removeprefix("hf://")
    home = Path(environ.get("HF_HOME", "/tmp/hf"))
    home.mkdir(parents=True, exist_ok=True)
    set_client_factory(_client)
    # Without a token of the request's own, one that lies about on the machine must not be used.
    endpoint = environ.get(variables.HF_ENDPOINT) or None
    token = hosts.token_for(endpoint or _HUB, variables.HF_TOKEN, environ, trusted=True)
    api = HfApi(endpoint=endpoint, token=token or False)
    try:
        info = api.model_info(repository, revision=model.revision, files_metadata=True)
        siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}

        def content(name: str) -> bytes:
            limits.check_small(model, name, siblings[name].size or 0)
            path = Path(api.hf_hub_download(repository, name, revision=info.sha, cache_dir=home / "hub"))
            _check(path, siblings[name], repository)
            return path.read_bytes()

        names = files.wanted(siblings, model, content)
        if info.sha is None or not names:
            raise CompileError("ModelUnreadable", f"hf://{repository} has no files of a model.")
        total = sum(siblings[name].size or 0 for name in names)
        print(f"fetch: {len(names)} files of {repository} at {info.sha}", flush=True)
        scratch.need(total, home, f"hf://{repository}")
        meter = _meter(progress("fetch", "bytes", total).advance)
        for name in names:
            path = Path(
                api.hf_hub_download(
                    repository, name, revision=info.sha, cache_dir=home / "hub", tqdm_class=meter
                )
            )
            _check(path, siblings[name], repository)
    except (LocalEntryNotFoundError, httpx2.TransportError, ConnectionError, TimeoutError) as error:
        raise _unreachable(repository, environ, error) from error
    except HfHubHTTPError as error:
        _refused(repository, model.revision, environ, error)
    except OSError as error:
        raise scratch.failed(error, home, f"hf://{repository}") from error
    return path.parents[name.count("/")], info.sha


def _client() -> Any:
    """The HTTP client of the hub's client, where a connection that is reset while a file comes counts as one
    that ended too early: after that, and not after a reset, the hub's client goes on where it stopped.
    """
    import httpx2

    class Stream(httpx2.SyncByteStream):  # type: ignore[misc]
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def __iter__(self) -> Iterator[bytes]:
            try:
                yield from self._stream
            except httpx2.ReadError as error:
                raise httpx2.RemoteProtocolError(str(error)) from error

        def close(self) -> None:
            self._stream.close()

    def wrap(response: Any) -> None:
        response.stream = Stream(response.stream)

    return httpx2.Client(event_hooks={"response": [wrap]}, follow_redirects=True, timeout=None)


def _meter(advance: Callable[[int], None]) -> type[Any]:
    """A progress bar, as the hub's client wants one, that draws nothing and tells of the bytes."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Meter(tqdm):  # type: ignore[misc]
        def __init__(self, *words: Any, **settings: Any) -> None:
            super().__init__(*words, **{**settings, "disable": True})

        def update(self, n: float | None = 1) -> None:
            advance(int(n or 0))

        def update_transfer(self, n: float) -> None:
            """Bytes on the wire, which the client tells besides those of the file."""

    return Meter


def _check(path: Path, sibling: Any, repository: str) -> None:
    """Raises CompileError unless the file is what the hub's list says: by SHA-256 where it is in large file
    storage, else by git's own checksum.
    """
    if sibling.lfs is not None:
        expected, actual = sibling.lfs.sha256, checksum.sha256(path)
    elif sibling.blob_id is not None:
        expected, actual = sibling.blob_id, checksum.git_blob(path)
    else:
        return
    if expected != actual:
        path.resolve().unlink()
        raise checksum.mismatch(sibling.rfilename, f"hf://{repository}", expected, actual, heals=True)


def _refused(repository: str, revision: str | None, environ: Mapping[str, str], error: Exception) -> NoReturn:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    status = getattr(getattr(error, "response", None), "status_code", None)
    with_token = bool(environ.get("HF_TOKEN"))
    if isinstance(error, RevisionNotFoundError):
        raise CompileError(
            "RevisionNotFound",
            f"hf://{repository} has no revision {revision}: write a branch, tag or commit that it has, or "
            "leave spec.model.revision out.",
        ) from error
    if isinstance(error, GatedRepoError) or status == 403 or (status == 401 and with_token):
        raise CompileError(
            "SourceUnauthorized",
            f"The hub does not let this token read hf://{repository}: accept the model's conditions on the "
            "hub, or give a token that may read it in spec.model.secretRef.",
        ) from error
    if isinstance(error, RepositoryNotFoundError) or status in (401, 404):
        hint = "" if with_token else ", or, if it is private, give a token in spec.model.secretRef"
        raise CompileError(
            "SourceNotFound",
            f"The hub has no model {repository} that this token may see: correct spec.model.uri{hint}.",
        ) from error
    raise _unreachable(repository, environ, error) from error


def _unreachable(repository: str, environ: Mapping[str, str], error: Exception) -> CompileError:
    endpoint = environ.get(variables.HF_ENDPOINT) or _HUB
    return CompileError(
        "SourceUnreachable",
        f"hf://{repository} could not be read from {endpoint} ({type(error).__name__}): check that compile "
        "pods reach the hub, or set hub.endpoint in the chart to a mirror.",
        heals=True,
    )
