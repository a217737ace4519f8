"""What a stand-in for AWS's Neuron container is built from: a Python like conda's, and an index of wheels.

A conda's interpreter has a prefix of its own; so do the builds of CPython that a module of the Go proxy
carries, which is where they come from: the usual downloads of such builds can't be reached everywhere.
"""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from support.gomodule import Module

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "build" / "standin"
_STANDIN = ROOT / "tests" / "standin"
_MODULE = "github.com/kluctl/go-embed-python"
# Of each family the minor version of its container; for 3.12 there is no such module, and 3.11 is documented
# as well.
_PYTHON = {
    "neuronx": Module(
        _MODULE,
        "v0.0.0-3.11.11-20241219-1",
        "c8e9a1131021c54e2add690ce413f3d59b38f698e33cf21e4a2c5579360fabe4",
    ),
    "neuron": Module(
        _MODULE,
        "v0.0.0-3.10.16-20241219-1",
        "b51a1325f4aef595562ba4cff37550a53d9da7f5936175234b515b92b0f72fe3",
    ),
}
_INSIDE = "python/internal/data/linux-amd64/"
_WHEEL = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_SCRIPT = "#!/opt/conda/bin/python\nfrom {module} import main\n\nraise SystemExit(main())\n"


def prepare(family: str) -> Path:
    """Writes what tests/images/aws/Dockerfile copies for a family, and returns its directory."""
    directory = OUTPUT / family
    wheels = directory / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    if not (directory / "conda.tar").exists():
        partial = directory / "conda.tar.partial"
        partial.write_bytes(_conda(_PYTHON[family].zip()))
        partial.rename(directory / "conda.tar")
    for old in wheels.iterdir():
        old.unlink()
    for name, said in tomllib.loads((_STANDIN / "wheels.toml").read_text())[family].items():
        file, content = _wheel(name, said)
        (wheels / file).write_bytes(content)
    return directory


def _conda(module: bytes) -> bytes:
    """A tar file with `conda/bin` and `conda/lib`."""
    output = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(module)) as archive, tarfile.open(fileobj=output, mode="w") as tar:
        top = next(name for name in archive.namelist() if _INSIDE in name).partition(_INSIDE)[0] + _INSIDE
        for file in json.loads(archive.read(f"{top}files.json"))["files"]:
            info = tarfile.TarInfo(f"conda/{file['name']}")
            info.mode = file["perm"] & 0o777
            if "symlink" in file:
                info.type, info.linkname = tarfile.SYMTYPE, file["symlink"]
                tar.addfile(info)
            elif file["perm"] & (1 << 31):
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                compressed = file.get("compressed")
                content = archive.read(f"{top}{file['name']}{'.gz' if compressed else ''}")
                content = gzip.decompress(content) if compressed else content
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return output.getvalue()


def _wheel(name: str, said: dict[str, Any]) -> tuple[str, bytes]:
    """The file name and the content of a wheel; its module is that of tests/standin, or an empty one."""
    module, version = name.replace("-", "_"), said["version"]
    found = next((path for path in (_STANDIN / "small" / module, _STANDIN / module) if path.is_dir()), None)
    files = {f"{module}/__init__.py": b""}
    if found is not None:
        files = {
            f"{module}/{path.relative_to(found)}": path.read_bytes() for path in sorted(found.glob("*.py"))
        }
    info = f"{module}-{version}.dist-info"
    requires = "".join(f"Requires-Dist: {each}\n" for each in said["requires"])
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
    files[f"{info}/METADATA"] = about.encode()
    files[f"{info}/WHEEL"] = _WHEEL
    if "script" in said:
        script = f"{module}-{version}.data/scripts/{said['script']}"
        files[script] = _SCRIPT.format(module=module).encode()
    record = "".join(f"{path},{_checksum(content)},{len(content)}\n" for path, content in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            # pip makes a script executable only where its entry is a regular file that is.
            entry.external_attr = (0o100755 if "/scripts/" in path else 0o100644) << 16
            archive.writestr(entry, content)
    return f"{module}-{version}-py3-none-any.whl", output.getvalue()


def _checksum(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"
