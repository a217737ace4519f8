"""Docker, with BuildKit where the client has it and with the classic builder where it has not."""

import ipaddress
import json
import os
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from imagebuild.errors import BuildError
from imagebuild.progress import attempt, content, output, run
from imagebuild.request import Build, by_digest

_SECRET_MOUNT = re.compile(r"--mount=type=secret\S*\s+")
# From this version on the client leaves BuildKit to a plugin.
_BUILDKIT_IS_A_PLUGIN = 23


@dataclass
class Docker:
    """One client and the engine that it speaks to; without BuildKit it has the classic builder."""

    program: str = "docker"
    has_buildkit: bool = True
    name: str = "docker"

    def store(self) -> Path:
        root = Path(output([self.program, "info", "--format", "{{.DockerRootDir}}"]).strip())
        return root if root.is_dir() else Path("/")

    def exists(self, reference: str) -> bool:
        return attempt([self.program, "image", "inspect", reference])

    def references(self, prefix: str) -> list[str]:
        found = output([self.program, "images", "--format", "{{.Repository}}:{{.Tag}}"]).split()
        return [reference for reference in found if reference.startswith(prefix)]

    def build(self, build: Build, log: Path) -> None:
        if self.has_buildkit:
            options = ["--progress", "plain", "--file", str(build.dockerfile), *build.secret_options()]
        else:
            options = ["--file", str(_without_secrets(build))]
        environ = {**os.environ, "DOCKER_BUILDKIT": str(int(self.has_buildkit))}
        run([self.program, "build", *options, *build.options(), str(build.context)], log, environ)

    def import_root(self, tree: Path, reference: str, log: Path) -> None:
        command = f'tar --directory "$1" --create . | "$2" import - {reference}'
        run(["sh", "-euc", command, "sh", str(tree), self.program], log)

    def pull(self, remote: str, reference: str, insecure: bool, log: Path) -> None:
        run([self.program, "pull", remote], log)
        run([self.program, "tag", remote, reference], log)

    def push(self, reference: str, remote: str, insecure: bool, log: Path) -> str:
        # Whether without TLS is in the configuration of the Docker daemon, which find_engine asks.
        run([self.program, "tag", reference, remote], log)
        run([self.program, "push", remote], log)
        said = output([self.program, "image", "inspect", "--format", "{{json .RepoDigests}}", remote])
        repository = remote.rpartition(":")[0]
        digests: list[tuple[str, str, str]] = [each.partition("@") for each in json.loads(said)]
        run([self.program, "rmi", remote], log)
        return next(digest for name, _, digest in digests if name == repository)

    def run(self, reference: str, script: str) -> bytes:
        words = ["run", "--rm", "--network", "none", "--entrypoint", "sh", reference, "-c", script]
        return content([self.program, *words])

    def pinned(self, reference: str) -> str:
        said = output([self.program, "image", "inspect", "--format", "{{json .RepoDigests}}", reference])
        digests = json.loads(said) or [""]
        return by_digest(reference, digests[0].partition("@")[2])

    def remove(self, references: list[str]) -> None:
        for reference in references:
            attempt([self.program, "rmi", reference])

    def speaks_plain_http(self, registry: str) -> bool:
        """Whether the engine pushes to the registry without TLS: to this machine's own, and as configured."""
        said = json.loads(output([self.program, "info", "--format", "{{json .RegistryConfig}}"]))
        host = registry.partition("/")[0]
        if (named := (said["IndexConfigs"] or {}).get(host)) is not None:
            return not named["Secure"]
        networks = [ipaddress.ip_network(each) for each in said["InsecureRegistryCIDRs"] or ()]
        return any(address in network for address in _addresses(host) for network in networks)


def _addresses(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = socket.getaddrinfo(urlsplit(f"//{host}").hostname, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [ipaddress.ip_address(address[0]) for *_, address in found]


def _without_secrets(build: Build) -> Path:
    """The Dockerfile as the classic builder can read it, beside the original.

    Raises BuildError if there is a secret to hand over, which that builder cannot.
    """
    if any(path.read_bytes() for path in build.secrets.values()):
        raise BuildError(
            "This machine has package settings of its own (pip's, uv's, proxies or certificates), and Docker "
            "cannot hand them to a build without BuildKit: install Docker's buildx plugin, or unset them."
        )
    written = build.dockerfile.with_name(f"{build.dockerfile.name}.classic")
    written.write_text(_SECRET_MOUNT.sub("", build.dockerfile.read_text()))
    return written


def find_docker() -> Docker | None:
    """The first client on PATH whose engine answers; one with BuildKit is preferred."""
    found = [program for program in _clients() if _answers(program)]
    with_buildkit = [program for program in found if _has_buildkit(program)]
    if with_buildkit:
        return Docker(with_buildkit[0])
    return Docker(found[0], has_buildkit=False) if found else None


def _clients() -> list[str]:
    directories = os.environ.get("PATH", os.defpath).split(os.pathsep)
    found = [shutil.which("docker", path=directory) for directory in directories]
    return list(dict.fromkeys(program for program in found if program))


def _answers(program: str) -> bool:
    try:
        return subprocess.run([program, "info"], capture_output=True, timeout=20, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _has_buildkit(program: str) -> bool:
    if attempt([program, "buildx", "version"]):
        return True
    said = output([program, "version", "--format", "{{.Client.Version}}"])
    major = re.match(r"\d+", said)
    return major is not None and int(major[0]) < _BUILDKIT_IS_A_PLUGIN
