"""Downloading a model from the Hugging Face hub (HF_ENDPOINT, HF_TOKEN and HF_HOME are honoured)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NoReturn

from neuron_compiler.failure import CompileError, storage_error

_SUFFIXES = {".json", ".txt", ".model", ".py", ".jinja"}


def wanted_files(names: list[str]) -> list[str]:
    """The files of a repository that a compile needs: weights in one format, tokenizer and configuration.

    safetensors are preferred; pickled weights only where there are none. Copies for other frameworks, which
    lie in directories of their own or have other suffixes, are left out.
    """
    top = [name for name in names if "/" not in name]
    safetensors = [name for name in top if name.endswith(".safetensors")]
    pickles = [name for name in top if name.startswith("pytorch_model") and name.endswith(".bin")]
    small = [name for name in top if PurePosixPath(name).suffix in _SUFFIXES]
    # sentence-transformers keeps the configuration of its modules in numbered directories.
    modules = [name for name in names if name[:1].isdigit() and name.endswith("/config.json")]
    return sorted({*(safetensors or pickles), *small, *modules})


def download(repository: str, revision: str | None, environ: Mapping[str, str]) -> tuple[Path, str]:
    """Downloads a repository of the hub; returns the directory and the commit. Raises CompileError."""
    import httpx2  # type: ignore[import-not-found]  # huggingface_hub's own HTTP library
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    home = Path(environ.get("HF_HOME", "/tmp/hf"))
    # Without a token of the request's own, one that lies about on the machine must not be used.
    api = HfApi(endpoint=environ.get("HF_ENDPOINT") or None, token=environ.get("HF_TOKEN") or False)
    try:
        info = api.model_info(repository, revision=revision, files_metadata=True)
        sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or []}
        names = wanted_files(list(sizes))
        total = sum(sizes[name] for name in names)
        print(f"fetch: {len(names)} files, {total / 1e6:.0f} MB of {repository} at {info.sha}", flush=True)
        directory: Path | None = None
        for name in names:
            path = Path(api.hf_hub_download(repository, name, revision=info.sha, cache_dir=home / "hub"))
            print(f"fetch: {name} ({sizes[name] / 1e6:.1f} MB)", flush=True)
            if "/" not in name:
                directory = path.parent
    except (LocalEntryNotFoundError, ConnectionError, TimeoutError, httpx2.TransportError) as error:
        raise _unreachable(repository, environ, error) from error
    except HfHubHTTPError as error:
        _refused(repository, revision, environ, error)
    except OSError as error:
        raise storage_error(error, home) from error
    if directory is None or info.sha is None:
        raise CompileError("ModelUnreadable", f"hf://{repository} has no files of a transformers model.")
    return directory, info.sha


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
    endpoint = environ.get("HF_ENDPOINT") or "https://huggingface.co"
    return CompileError(
        "SourceUnreachable",
        f"hf://{repository} could not be read from {endpoint} ({type(error).__name__}): check that compile "
        "pods reach the hub, or set hub.endpoint in the chart to a mirror.",
        heals=True,
    )
