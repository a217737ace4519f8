"""Images of one static program each, made and pushed without an image builder."""

import gzip
import hashlib
import io
import json
import platform
import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Image:
    """An OCI image: its blobs by digest, and its manifest."""

    blobs: dict[str, bytes]
    manifest: bytes


def of_program(program: Path) -> Image:
    """Return an image of `program`, at /<its name>, as its entrypoint; the same program, the same digest."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo(program.name)
        entry.size, entry.mode = program.stat().st_size, 0o755
        with program.open("rb") as content:
            archive.addfile(entry, content)
    layer = gzip.compress(tar.getvalue(), compresslevel=1, mtime=0)
    config = json.dumps(
        {
            "architecture": _ARCHITECTURES[platform.machine()],
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar.getvalue())]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": _digest(config), "size": len(config)},
        "layers": [{"mediaType": _LAYER, "digest": _digest(layer), "size": len(layer)}],
    }
    return Image({_digest(config): config, _digest(layer): layer}, json.dumps(manifest).encode())


def push_program(program: Path, registry: str, repository: str, tag: str) -> str:
    """Push the program's image to a registry that speaks plain HTTP, unless it has that tag; return its name.

    Raises RuntimeError if the registry refuses it.
    """
    base = f"http://{registry}/v2/{repository}"
    if not _exists(f"{base}/manifests/{tag}"):
        image = of_program(program)
        for digest, blob in image.blobs.items():
            begun = _send("POST", f"{base}/blobs/uploads/", b"", "application/octet-stream")
            location = begun if begun.startswith("http") else f"http://{registry}{begun}"
            joint = "&" if "?" in location else "?"
            _send("PUT", f"{location}{joint}digest={digest}", blob, "application/octet-stream")
        _send("PUT", f"{base}/manifests/{tag}", image.manifest, _MANIFEST)
    return f"{registry}/{repository}:{tag}"


def answers(registry: str) -> bool:
    """Say whether the registry answers."""
    try:
        with _open("GET", f"http://{registry}/v2/"):
            return True
    except OSError:
        return False


def is_there(address: str) -> bool:
    """Say whether a registry answers at this address, be it only to ask for credentials."""
    try:
        with urllib.request.urlopen(f"{address}/v2/", timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False


def _exists(url: str) -> bool:
    try:
        with _open("HEAD", url, headers={"Accept": _MANIFEST}):
            return True
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise RuntimeError(f"the registry answered {error.code} to {url}") from error
        return False


def _send(method: str, url: str, body: bytes, content_type: str) -> str:
    try:
        with _open(method, url, body, {"Content-Type": content_type}) as response:
            return str(response.headers.get("Location", ""))
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"the registry answered {error.code} to {url}: {error.read()!r}") from error


def _open(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> "urllib.request._UrlopenRet":
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    # No proxy stands between this machine and its own registry.
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
