"""The programs that are built from the Go modules beside this file and cached by what they are built from."""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from cluster.interface import Lacking
from cluster.progress import step

MODULE = Path(__file__).parent / "go"
# Modules of their own: what they require must not change the versions that Kubernetes is built with.
S3_MODULE = Path(__file__).parent / "s3"
KIND_NODE_MODULE = Path(__file__).parent / "kindnode"


@dataclass(frozen=True)
class Tool:
    """A program: the Go package it is built from, and further names under which it answers.

    One that runs in pods is built for Linux wherever it is built.
    """

    name: str
    package: str
    aliases: tuple[str, ...] = ()
    in_pods: bool = False
    module: Path = MODULE


KUBERNETES = Tool(
    "kubernetes",
    "./kubernetes",
    ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl"),
)
HELM = Tool("helm", "helm.sh/helm/v3/cmd/helm")
KIND = Tool("kind", "sigs.k8s.io/kind")
METRICS_SERVER = Tool("metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server", in_pods=True)
COREDNS = Tool("coredns", "./coredns", in_pods=True)
DEVICE_PLUGIN = Tool("deviceplugin", "./deviceplugin", in_pods=True)
PAUSE = Tool("pause", "./pause", in_pods=True)
S3 = Tool("versitygw", "github.com/versity/versitygw/cmd/versitygw", in_pods=True, module=S3_MODULE)
KUBEADM = Tool("kubeadm", "k8s.io/kubernetes/cmd/kubeadm", in_pods=True, module=KIND_NODE_MODULE)
ETCD = Tool("etcd", "go.etcd.io/etcd/server/v3", in_pods=True, module=KIND_NODE_MODULE)


def cache_directory() -> Path:
    """Return the directory of built programs, outside the checkout."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "neuron-operator" / "bin"


def cache_key(tool: Tool) -> str:
    """Return 16 hexadecimal digits that change with anything the tool is built from."""
    module = tool.module
    system = "linux" if tool.in_pods else sys.platform
    digest = hashlib.sha256(f"{tool.package}\0{system}\0{platform.machine()}\0".encode())
    sources = [module / "go.mod", module / "go.sum"]
    if tool.package.startswith("./"):
        sources += sorted((module / tool.package).glob("*.go"))
    for source in sources:
        digest.update(source.relative_to(module).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def path(tool: Tool) -> Path:
    """Return where the tool is, once built."""
    return cache_directory() / f"{tool.name}-{cache_key(tool)}" / tool.name


def build(tool: Tool) -> Path:
    """Return the tool's path, after building it unless the cache has it. Raises Lacking or RuntimeError."""
    built = path(tool)
    if built.exists():
        return built
    check_go()
    directory = built.parent
    temporary = directory.with_name(f"{directory.name}.{os.getpid()}")
    temporary.mkdir(parents=True, exist_ok=True)
    with step(f"build {tool.name}"):
        try:
            _compile(tool, temporary / tool.name)
            for alias in tool.aliases:
                (temporary / alias).symlink_to(tool.name)
            if directory.exists():
                shutil.rmtree(directory)
            temporary.rename(directory)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return built


def find_or_build(tool: Tool, name: str | None = None) -> Path:
    """Return the program `name` (by default the tool's own) from PATH, else from the tool as built."""
    found = shutil.which(name or tool.name)
    return Path(found) if found else build(tool).with_name(name or tool.name)


def check_go() -> None:
    """Raise Lacking unless a Go that can build the module is on PATH."""
    wanted = _required_go((MODULE / "go.mod").read_text())
    go = shutil.which("go")
    if go is None:
        raise Lacking(f"Go is missing: install Go {wanted} or newer and put it on PATH.")
    answer = subprocess.run([go, "version"], cwd=MODULE, capture_output=True, text=True, check=False)
    found = re.search(r"go(\d+(?:\.\d+)+)", answer.stdout)
    if answer.returncode != 0 or found is None or _version(found[1]) < _version(wanted):
        raise Lacking(f"The Go on PATH is too old: install Go {wanted} or newer.")


def kubernetes_version() -> str:
    """Return the version of Kubernetes that the module pins, such as "v1.36.3"."""
    return _required("k8s.io/kubernetes", (MODULE / "go.mod").read_text())


def _compile(tool: Tool, output: Path) -> None:
    version = kubernetes_version()
    major, minor = version.removeprefix("v").split(".")[:2]
    stamp = "k8s.io/component-base/version"
    flags = f"-s -w -X {stamp}.gitVersion={version} -X {stamp}.gitMajor={major} -X {stamp}.gitMinor={minor}"
    command = [
        "go",
        "build",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags",
        flags,
        "-o",
        str(output),
        tool.package,
    ]
    # The same flags for every tool: what several of them import is then compiled once.
    environment = {**os.environ, "CGO_ENABLED": "0"}
    if tool.in_pods:
        environment["GOOS"] = "linux"
    done = subprocess.run(
        command, cwd=tool.module, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{tool.name} could not be built:\n{done.stderr[-4000:]}")


def _required_go(text: str) -> str:
    match = re.search(r"^go (\S+)$", text, re.MULTILINE)
    if match is None:
        raise RuntimeError("go.mod says no Go version")
    return match[1]


def _required(module: str, text: str) -> str:
    match = re.search(rf"^\s*{re.escape(module)} (v\S+)", text, re.MULTILINE)
    if match is None:
        raise RuntimeError(f"go.mod does not require {module}")
    return match[1]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))
