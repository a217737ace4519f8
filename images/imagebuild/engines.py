"""The two programs that build images: Docker (docker.py) and buildah."""

import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from imagebuild.docker import find_docker
from imagebuild.errors import BuildError
from imagebuild.packages import have
from imagebuild.progress import attempt, content, output, run, say
from imagebuild.request import Build, by_digest


class Engine(Protocol):
    """What the build tool asks of an engine. Failures are BuildErrors that name the log."""

    name: str

    def store(self) -> Path:
        """The directory whose file system holds the images."""

    def exists(self, reference: str) -> bool:
        """Whether the local store has the image."""

    def references(self, prefix: str) -> list[str]:
        """The references in the local store that begin with the prefix."""

    def build(self, build: Build, log: Path) -> None:
        """Builds an image into the local store."""

    def import_root(self, tree: Path, reference: str, log: Path) -> None:
        """Makes an image of a directory tree."""

    def pull(self, remote: str, reference: str, insecure: bool, log: Path) -> None:
        """Brings an image from a registry into the local store under the given reference."""

    def push(self, reference: str, remote: str, insecure: bool, log: Path) -> str:
        """Pushes an image of the local store to a registry, and returns its digest there."""

    def run(self, reference: str, script: str) -> bytes:
        """The standard output of a shell script in an image of the local store."""

    def pinned(self, reference: str) -> str:
        """An image of the local store by the digest that it was pulled by, where it has one."""

    def remove(self, references: list[str]) -> None:
        """Removes references, and the layers that nothing refers to any more; what is in use stays."""


class Buildah:
    """buildah: no daemon; RUN steps in a chroot, with the network of the machine."""

    name = "buildah"

    def store(self) -> Path:
        return Path(output(["buildah", "info", "--format", "{{.store.GraphRoot}}"]).strip())

    def exists(self, reference: str) -> bool:
        return attempt(["buildah", "inspect", "--type", "image", reference])

    def references(self, prefix: str) -> list[str]:
        found = output(["buildah", "images", "--format", "{{.Name}}:{{.Tag}}"]).split()
        return [reference for reference in found if reference.startswith(prefix)]

    def build(self, build: Build, log: Path) -> None:
        command = ["buildah", "build", "--layers", "--force-rm", "--isolation", "chroot", "--network", "host"]
        # A reference without a registry is an image of the local store; others may have to be pulled.
        command += ["--pull-never"] if build.build_args["BASE_IMAGE"].startswith("localhost/") else []
        command += ["--file", str(build.dockerfile), *build.secret_options()]
        run([*command, *build.options(), str(build.context)], log)

    def import_root(self, tree: Path, reference: str, log: Path) -> None:
        container = output(["buildah", "from", "scratch"]).strip()
        try:
            run(["buildah", "add", container, f"{tree}/", "/"], log)
            run(["buildah", "commit", container, reference], log)
        finally:
            output(["buildah", "rm", container])

    def pull(self, remote: str, reference: str, insecure: bool, log: Path) -> None:
        run(["buildah", "pull", f"--tls-verify={str(not insecure).lower()}", f"docker://{remote}"], log)
        run(["buildah", "tag", remote, reference], log)
        run(["buildah", "rmi", remote], log)

    def push(self, reference: str, remote: str, insecure: bool, log: Path) -> str:
        # zstd at its fastest costs a third of gzip's time, for nodes as well, and is smaller than gzip.
        compression = ["--format", "oci", "--compression-format", "zstd", "--compression-level", "1"]
        verify = f"--tls-verify={str(not insecure).lower()}"
        with tempfile.NamedTemporaryFile(mode="r", prefix="digest-") as file:
            words = ["buildah", "push", verify, "--digestfile", file.name, *compression]
            run([*words, reference, f"docker://{remote}"], log)
            return file.read().strip()

    def run(self, reference: str, script: str) -> bytes:
        container = output(["buildah", "from", "--pull-never", reference]).strip()
        try:
            words = ["buildah", "run", "--isolation", "chroot", container, "--", "sh", "-c", script]
            return content(words)
        finally:
            output(["buildah", "rm", container])

    def pinned(self, reference: str) -> str:
        said = output(
            ["buildah", "inspect", "--type", "image", "--format", "{{.FromImageDigest}}", reference]
        )
        return by_digest(reference, said.strip())

    def remove(self, references: list[str]) -> None:
        for reference in references:
            attempt(["buildah", "rmi", reference])
        # Untagged images without children are the build cache of superseded images.
        attempt(["buildah", "rmi", "--prune"])


def find_engine(plain_http: str | None = None) -> Engine:
    """Docker where its daemon answers, else buildah, which is installed where that is possible.

    `plain_http` is a registry that has no TLS. It may be one to which Docker's engine speaks TLS alone:
    then it is buildah. Raises BuildError when the machine has neither.
    """
    docker = find_docker()
    if docker is not None and (plain_http is None or docker.speaks_plain_http(plain_http)):
        return docker
    if have("buildah"):
        if docker is not None:
            say(f"Docker pushes to {plain_http} with TLS alone: buildah is used")
        return Buildah()
    if docker is not None:
        raise BuildError(
            f"Docker pushes to {plain_http} with TLS alone, which that registry has not: name it among the "
            '"insecure-registries" of Docker\'s daemon.json, or install buildah.'
        )
    raise BuildError(
        "Neither a Docker daemon nor buildah answers on this machine: start Docker, or install buildah "
        "(Debian and Ubuntu have it: run this as root, or apt-get install buildah)."
    )


def engines_at_hand() -> list[Engine]:
    """The engines that this machine has; nothing is installed."""
    docker = find_docker()
    return [*([docker] if docker else []), *([Buildah()] if shutil.which("buildah") else [])]
