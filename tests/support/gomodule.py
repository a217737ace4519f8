"""Files of pinned Go modules, from the module proxy: what can be had from there needs no other server."""

import hashlib
import os
import urllib.request
import zipfile
from dataclasses import dataclass
from io import BytesIO

from cluster.tools import cache_directory


@dataclass(frozen=True)
class Module:
    """A version of a module, and the SHA-256 of its zip file."""

    path: str
    version: str
    checksum: str

    def zip(self) -> bytes:
        """The whole zip file, kept between runs. Raises ValueError where it is not the pinned one."""
        kept = cache_directory().with_name("modules") / f"{self.checksum}.zip"
        if kept.exists():
            return kept.read_bytes()
        proxies = os.environ.get("GOPROXY", "").replace("|", ",").split(",")
        proxy = next((each for each in proxies if each.startswith("http")), "https://proxy.golang.org")
        with urllib.request.urlopen(
            f"{proxy.rstrip('/')}/{self.path}/@v/{self.version}.zip", timeout=300
        ) as answer:
            content: bytes = answer.read()
        if hashlib.sha256(content).hexdigest() != self.checksum:
            raise ValueError(f"{proxy} answers with another {self.path}@{self.version} than the pinned one")
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_bytes(content)
        partial.rename(kept)
        return content

    def file(self, name: str) -> bytes:
        """One of its files, by its path in the repository. Raises KeyError where there is none."""
        with zipfile.ZipFile(BytesIO(self.zip())) as archive:
            return archive.read(f"{self.path}@{self.version}/{name}")
