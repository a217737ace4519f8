"""The images of kind's nodes and of its registry: Docker Hub's, or made here where that cannot be reached."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from string import Template

from cluster import docker, images, tools
from cluster.progress import say, step

# Of the release of kind and of the minor version of Kubernetes that go/go.mod pins.
HUB_NODE = "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed"
HUB_REGISTRY = "registry:2.8.3@sha256:a3d8aaa63ed8681a604f1dea0aa03f100d5895b6a58ace528858a7b332415373"
MADE_PREFIX = "localhost/neuron-operator-cluster/"
_HUB = "https://registry-1.docker.io"
_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = Path(__file__).parent / "kindnode"
_KERNEL_SETTINGS = Path(__file__).with_name("kernel-settings.sh")
_PROGRAMS = (tools.KUBERNETES, tools.KUBEADM, tools.ETCD, tools.PAUSE)


@dataclass(frozen=True)
class KindImages:
    """References of the two images; `made_here` says that the node is this package's own."""

    node: str
    registry: str
    made_here: bool


def choose() -> KindImages:
    """Return the pinned images where Docker has them or can have them; else names of images to make."""
    hub = KindImages(HUB_NODE, HUB_REGISTRY, made_here=False)
    if all(docker.succeeds("image", "inspect", name) for name in (hub.node, hub.registry)):
        return hub
    if images.is_there(_HUB):
        return hub
    key = _key()
    return KindImages(f"{MADE_PREFIX}node:{key}", f"{MADE_PREFIX}registry:{key}", made_here=True)


def provide(chosen: KindImages) -> None:
    """Have both images in Docker's store. Raises Lacking or RuntimeError."""
    missing = [
        name for name in (chosen.node, chosen.registry) if not docker.succeeds("image", "inspect", name)
    ]
    if not missing:
        return
    if chosen.made_here:
        say("Docker Hub does not answer: the images of the nodes and of the registry are made here.")
        for tool in _PROGRAMS:
            tools.build(tool)
        with step("make the images of the nodes and of the registry"):
            _make(chosen)
        _remove_superseded(chosen)
        return
    for name in missing:
        with step(f"pull {name.partition('@')[0]}"):
            docker.run("pull", name)


def _remove_superseded(chosen: KindImages) -> None:
    """Remove what was made of older sources; an image that a container uses stays."""
    for name in docker.run("images", "--format={{.Repository}}:{{.Tag}}").split():
        if name.startswith(MADE_PREFIX) and name not in (chosen.node, chosen.registry):
            docker.succeeds("rmi", name)


def _make(chosen: KindImages) -> None:
    base = json.loads(_run(sys.executable, str(_ROOT / "images/build.py"), "--os-image"))["os"]
    of_kubernetes = _run(
        *(str(tools.path(tools.KUBEADM)), "config", "images", "list"),
        f"--kubernetes-version={tools.kubernetes_version()}",
    ).split()
    # kubeadm is told to leave DNS to the provider.
    wanted = [name for name in of_kubernetes if "coredns" not in name]
    (pause,) = [name for name in wanted if "/pause:" in name]
    programs = [name for name in wanted if name != pause]
    with tempfile.TemporaryDirectory(prefix="neuron-operator-node-") as directory:
        context = Path(directory)
        _stage(context, pause_image=pause, programs_image=programs[0])
        _build(context, base, "programs", programs)
        _build(context, base, "pause", [pause])
        try:
            docker.run("save", f"--output={context / 'images.tar'}", pause, *programs)
            _build(context, base, "registry", [chosen.registry])
            _build(context, base, "node", [chosen.node])
        finally:
            # Their names are not ours to keep on this machine. They go last: the classic builder makes each
            # stage on its way anew, and one that has lost its name would stay without.
            docker.run("rmi", pause, *programs)


def _stage(context: Path, **values: str) -> None:
    shutil.copytree(_SOURCES, context, dirs_exist_ok=True)
    for name in ("containerd.toml", "default-cni.yaml"):
        path = context / "files" / name
        path.write_text(Template(path.read_text()).substitute(values))
    shutil.copy(_KERNEL_SETTINGS, context)
    for tool in _PROGRAMS:
        shutil.copy(tools.path(tool), context)
    (context / "version").write_text(tools.kubernetes_version())


def _build(context: Path, base: str, target: str, names: list[str]) -> None:
    tags = [f"--tag={name}" for name in names]
    docker.run("build", f"--target={target}", f"--build-arg=BASE_IMAGE={base}", *tags, str(context))


def _key() -> str:
    """Return 16 hexadecimal digits that change with anything that the images are made of."""
    digest = hashlib.sha256("\0".join(tools.cache_key(tool) for tool in _PROGRAMS).encode())
    for path in [*sorted(path for path in _SOURCES.rglob("*") if path.is_file()), _KERNEL_SETTINGS]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _run(*command: str) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:2])} failed: the lines above say why")
    return done.stdout
