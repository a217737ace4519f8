"""Building, pushing and pruning the images of the table."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imagebuild import bootstrap, context, registry, settings
from imagebuild.disk import check_space
from imagebuild.engines import Build, Engine
from imagebuild.progress import say
from imagebuild.table import Image

LOCAL_PREFIX = "localhost/neuron-operator/"
DEFAULT_BASE_IMAGE = "docker.io/library/python:3.11-slim-bookworm"
_HUB = "registry-1.docker.io"


def choose_os_image(environ: Mapping[str, str]) -> str:
    """The operating system's image: BASE_IMAGE, else Docker Hub's where it answers, else a bootstrap."""
    if environ.get("BASE_IMAGE"):
        return environ["BASE_IMAGE"]
    return DEFAULT_BASE_IMAGE if registry.answers(_HUB) else bootstrap.reference(LOCAL_PREFIX)


@dataclass(frozen=True)
class Target:
    """Where images go: a registry (host and port), or None for the local store only."""

    registry: str | None
    insecure: bool
    push: bool

    def reference(self, name: str, tag: str) -> str:
        """The full reference that a cluster uses."""
        return (
            f"{self.registry}/neuron-operator/{name}:{tag}"
            if self.registry
            else f"{LOCAL_PREFIX}{name}:{tag}"
        )

    def has(self, name: str, tag: str) -> bool:
        """Whether the registry holds the image already."""
        if self.registry is None:
            return False
        return registry.has_image(self.registry, f"neuron-operator/{name}", tag, self.insecure)


@dataclass
class Builder:
    """Builds what is missing and only that.

    `environ` holds the build arguments and the machine's package settings; `os_image` is what images without
    a parent are built from; `work` is a scratch directory for contexts and logs.
    """

    root: Path
    work: Path
    engine: Engine
    target: Target
    environ: Mapping[str, str]
    os_image: str
    version: str
    tags: dict[str, str] = field(default_factory=dict)

    def assign_tags(self, images: list[Image]) -> None:
        """Computes the tag of every image; a parent must come before its children."""
        for image in images:
            arguments = self.build_args(image)
            parent = arguments.pop("BASE_IMAGE")
            self.tags[image.name] = context.content_tag(self.root, image, parent, arguments, self.version)

    def build_args(self, image: Image) -> dict[str, str]:
        """The build arguments of the image: its parent, and those of the table that are set."""
        parent = self.local(image.parent) if image.parent else self.os_image
        chosen = {name: self.environ[name] for name in image.build_args if self.environ.get(name)}
        return {**chosen, "BASE_IMAGE": parent}

    def local(self, name: str) -> str:
        """The image's reference in the local store."""
        return f"{LOCAL_PREFIX}{name}:{self.tags[name]}"

    def deliver(self, image: Image, images: Mapping[str, Image]) -> str:
        """Makes the image available where the target wants it, and returns its reference."""
        tag = self.tags[image.name]
        reference = self.target.reference(image.name, tag)
        if not self.target.push:
            self.ensure_local(image, images)
        elif self.target.has(image.name, tag):
            say(f"{image.name}: {reference} is there already")
        else:
            self.ensure_local(image, images)
            say(f"{image.name}: pushing {reference}")
            self.engine.push(self.local(image.name), reference, self.target.insecure, self.log(image.name))
        return reference

    def ensure_local(self, image: Image, images: Mapping[str, Image]) -> None:
        """Has the image in the local store: it is there, or the registry has it, or it is built."""
        name, tag = image.name, self.tags[image.name]
        if self.engine.exists(self.local(name)):
            say(f"{name}: {self.local(name)} is built already")
            return
        check_space(self.engine.store(), heavy=name == "base")
        if self.target.has(name, tag):
            say(f"{name}: pulling {self.target.reference(name, tag)}")
            remote = self.target.reference(name, tag)
            self.engine.pull(remote, self.local(name), self.target.insecure, self.log(name))
            return
        if image.parent:
            self.ensure_local(images[image.parent], images)
        elif self.os_image == bootstrap.reference(LOCAL_PREFIX):
            bootstrap.bootstrap(self.engine, self.os_image, self.log("bootstrap"))
        note = " (torch and its libraries: several minutes the first time)" if name == "base" else ""
        say(f"{name}: building {self.local(name)}{note}")
        self._build(image)

    def _build(self, image: Image) -> None:
        directory = context.stage(self.root, image, self.work / "context" / image.name)
        labels = {
            "org.opencontainers.image.title": f"neuron-operator-{image.name}",
            "org.opencontainers.image.version": self.version,
            "org.opencontainers.image.licenses": "Apache-2.0",
        }
        with tempfile.TemporaryDirectory(prefix="neuron-operator-secrets-") as folder:
            secrets = {"package-settings": Path(folder) / "package-settings"}
            secrets["package-settings"].write_text(settings.package_settings(self.environ))
            if bundle := settings.ca_bundle(self.environ):
                secrets["ca-bundle"] = bundle
            build = Build(
                reference=self.local(image.name),
                dockerfile=directory / image.dockerfile,
                context=directory,
                build_args=self.build_args(image),
                labels=labels,
                secrets=secrets,
            )
            self.engine.build(build, self.log(image.name))

    def prune(self) -> list[str]:
        """Removes this project's images of other tags than the current ones; returns what it removed."""
        keep = {self.local(name) for name in self.tags} | {bootstrap.reference(LOCAL_PREFIX)}
        superseded = [name for name in self.engine.references(LOCAL_PREFIX) if name not in keep]
        self.engine.remove(superseded)
        left = set(self.engine.references(LOCAL_PREFIX))
        return [name for name in superseded if name not in left]

    def log(self, name: str) -> Path:
        """The log of one image's commands."""
        return self.work / "logs" / f"{name}.log"
