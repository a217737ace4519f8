"""https://…: an archive of a model's directory, or one file of weights, whose SHA-256 the spec gives.

A bearer token (SOURCE_TOKEN) is sent to the uri's own host alone, and only where the Secret that it is of
names that host (SOURCE_HOSTS). Certificates are checked against the
image's authorities, or those of SSL_CERT_FILE.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from neuron_contract import variables

from neuron_compiler.failure import CompileError
from neuron_compiler.progress import Progress
from neuron_compiler.request import Model
from neuron_compiler.sources import archive, checksum, hosts, scratch, transfer

_WEIGHTS = {".safetensors", ".bin", ".pt", ".pth"}


def download(
    model: Model,
    environ: Mapping[str, str],
    progress: type[Progress],
    pauses: Sequence[float] = transfer.PAUSES,
) -> Path:
    """Downloads and unpacks what a compile needs; returns the directory. Raises CompileError."""
    name = file_name(model)
    directory = scratch.directory(environ)
    path = directory / name
    remote = transfer.Remote(model.uri, hosts.token_for(model.uri, variables.SOURCE_TOKEN, environ))

    def begin(size: int | None) -> Callable[[int], None]:
        print(f"fetch: {name}, {scratch.gigabytes(size) if size else 'of unknown size'}", flush=True)
        scratch.need(size or 0, directory, model.uri)
        return progress("fetch", "bytes", size).advance

    try:
        transfer.download(remote, path, begin, pauses)
    except transfer.Refused as error:
        raise _refused(model, error.status, remote.token is not None) from error
    except transfer.Misled as error:
        raise CompileError(
            "HostNotAllowed",
            f"{model.uri} leads to {error}, which is not https: name a uri that stays on https.",
        ) from error
    except transfer.Unreachable as error:
        raise CompileError(
            "SourceUnreachable",
            f"{model.uri} could not be read whole ({error}): check that compile pods reach the server and "
            "trust its certificate.",
            heals=True,
        ) from error
    except OSError as error:
        raise scratch.failed(error, directory, model.uri) from error
    actual = checksum.sha256(path)
    if actual != model.sha256:
        path.unlink()
        raise checksum.mismatch(name, model.uri, str(model.sha256), actual, heals=False)
    if not archive.is_archive(name):
        return directory
    unpacked = directory / "model"
    archive.unpack(path, unpacked, model)
    path.unlink()
    return unpacked


def file_name(model: Model) -> str:
    """The name of the file behind the uri, safe to write. Raises CompileError when it is none to compile."""
    name = PurePosixPath(unquote(urlsplit(model.uri).path)).name
    alone = PurePosixPath(name).suffix in _WEIGHTS and model.architecture is not None
    if not re.fullmatch(r"[\w.+-]+", name) or not (archive.is_archive(name) or alone):
        raise CompileError(
            "ModelUnreadable",
            f"{model.uri} names no model: let it end in {', '.join(archive.SUFFIXES)} for the archive of a "
            "model's directory, or name one file of weights together with spec.model.architecture.",
        )
    return name


def _refused(model: Model, status: int, with_token: bool) -> CompileError:
    if status in (401, 403):
        hint = "a token that may read it" if with_token else "a token"
        return CompileError(
            "SourceUnauthorized",
            f"The server does not let {model.uri} be read (HTTP status {status}): give {hint} in "
            "spec.model.secretRef.",
        )
    return CompileError(
        "SourceNotFound",
        f"The server has no {model.uri} (HTTP status {status}): correct spec.model.uri.",
    )
