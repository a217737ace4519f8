"""Building, pushing and pruning the images of the table."""

import json
import tempfile
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from imagebuild import bootstrap, context, inventory, registry, sbom, settings
from imagebuild.disk import check_space
from imagebuild.engines import Engine
from imagebuild.errors import BuildError
from imagebuild.families import Family
from imagebuild.progress import say
from imagebuild.request import Build
from imagebuild.table import Image

PROJECT_PREFIX = "localhost/neuron-operator"
"""What the references of all that the project builds begin with, its tests' cluster included."""
LOCAL_PREFIX = f"{PROJECT_PREFIX}/"
_TORCH_INDEX = "TORCH_INDEX_URL"
_HUB, _ON_HUB = "registry-1.docker.io", "docker.io/"


def choose_os_image(family: Family, environ: Mapping[str, str]) -> str:
    """The image that a family is built on: the environment's, else the recipe's, else, in place of one of
    Docker Hub where that can't be reached, a bootstrap.
    """
    chosen = environ.get(family.base_variable) or family.base
    if chosen == family.base and chosen.startswith(_ON_HUB) and not registry.answers(_HUB):
        return bootstrap.reference(LOCAL_PREFIX)
    return chosen


def choose_torch_index(family: Family, environ: Mapping[str, str]) -> Family:
    """The recipe without the index of torch that it names, where that does not answer.

    Then torch comes from the machine's own index. What the environment names is not asked.
    """
    base = family.arguments.get("base", {})
    index = str(base.get(_TORCH_INDEX, ""))
    if not index or _TORCH_INDEX in environ or registry.serves(f"{index}/torch/"):
        return family
    say(f"{index} does not answer: torch comes from the machine's own index, several GB with CUDA")
    rest = {name: value for name, value in base.items() if name != _TORCH_INDEX}
    return replace(family, arguments={**family.arguments, "base": rest})


def bring_os_image(engine: Engine, family: Family, environ: Mapping[str, str], log: Path) -> str:
    """Has the image that a family is built on in the local store, and returns its reference."""
    chosen = choose_os_image(family, environ)
    if chosen == bootstrap.reference(LOCAL_PREFIX):
        bootstrap.bootstrap(engine, chosen, log)
    elif not engine.exists(chosen):
        engine.pull(chosen, chosen, False, log)
    return chosen


@dataclass(frozen=True)
class Target:
    """Where images go: a registry (host, port and path), or None for the local store only.

    `tag` is pushed beside the tag that names the content, None for that one alone.
    """

    registry: str | None
    insecure: bool
    push: bool
    tag: str | None = None

    def reference(self, name: str, tag: str) -> str:
        """The full reference that a cluster uses."""
        return (
            f"{self.registry}/neuron-operator/{name}:{tag}"
            if self.registry
            else f"{LOCAL_PREFIX}{name}:{tag}"
        )

    def digest(self, name: str, tag: str) -> str | None:
        """The digest of the image where the registry holds it already, else None."""
        if self.registry is None:
            return None
        host, _, path = self.registry.partition("/")
        repository = f"{path}/neuron-operator/{name}".lstrip("/")
        return registry.digest(host, repository, tag, self.insecure)


@dataclass(frozen=True)
class Delivered:
    """An image where the target wants it; `digest` is None where it is in the local store only, `sbom` where
    the image is in the registry only and was not built here.
    """

    reference: str
    digest: str | None
    sbom: str | None = None
    base: str | None = None
    """What it is built on in the end, by digest where that is known."""

    @property
    def pinned(self) -> str:
        """The reference by digest where there is one."""
        return self.reference if self.digest is None else f"{self.reference.rpartition(':')[0]}@{self.digest}"


@dataclass
class Builder:
    """Builds what is missing and only that.

    `environ` holds build arguments, which win over the recipe's, and the machine's package settings;
    `os_image` is what images without a parent are built from; `work` is a scratch directory for contexts and
    logs.
    """

    root: Path
    work: Path
    engine: Engine
    target: Target
    environ: Mapping[str, str]
    os_image: str
    version: str
    family: Family
    tags: dict[str, str] = field(default_factory=dict)

    def assign_tags(self, images: list[Image]) -> None:
        """Computes the tag of every image; a parent must come before its children."""
        for image in images:
            arguments = self.build_args(image)
            parent = arguments.pop("BASE_IMAGE")
            own = image.of(self.family.name)
            self.tags[image.name] = context.content_tag(self.root, own, parent, arguments, self.version)

    def build_args(self, image: Image) -> dict[str, str]:
        """The build arguments of the image: its parent, and those of the table that are set."""
        parent = self.local(image.parent) if image.parent else self.os_image
        said = {"FAMILY": self.family.name, **self.family.arguments.get(image.name, {})}
        # Empty in the environment is a value, too: it leaves out what the recipe has.
        chosen = {
            name: self.environ.get(name, said.get(name))
            for name in image.build_args
            if name in self.environ or name in said
        }
        return {**{name: str(value) for name, value in chosen.items()}, "BASE_IMAGE": parent}

    def local(self, name: str) -> str:
        """The image's reference in the local store."""
        return f"{LOCAL_PREFIX}{name}:{self.tags[name]}"

    def deliver(self, image: Image, images: Mapping[str, Image]) -> Delivered:
        """Makes the image available where the target wants it, and tells what is in it."""
        said = self._delivered(image, images)
        return said if image.for_tests else self._described(image, said)

    def _described(self, image: Image, said: Delivered) -> Delivered:
        """With its bill of materials. What was found in the image is kept, as its tag names the content."""
        kept = self.work / "inventory" / f"{image.name}-{self.tags[image.name]}.json"
        if not kept.exists():
            local = self.local(image.name)
            if not self.engine.exists(local):
                return said
            try:
                found = inventory.components(self.engine.run(local, inventory.SCRIPT))
            except BuildError as error:
                # An image is worth more than the list of what is in it.
                say(f"{image.name}: what is in it can't be read: {error}")
                return said
            base = self.engine.pinned(self.os_image) if self.engine.exists(self.os_image) else self.os_image
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps({"base": base, "components": [asdict(each) for each in found]}))
        read = json.loads(kept.read_text())
        subject = sbom.Subject(image.name, self.version, said.reference, said.digest, read["base"])
        components = [inventory.Component(**each) for each in read["components"]]
        return replace(said, sbom=sbom.document(subject, components), base=read["base"])

    def _delivered(self, image: Image, images: Mapping[str, Image]) -> Delivered:
        tag = self.tags[image.name]
        if not self.target.push:
            self.ensure_local(image, images)
            return Delivered(self.target.reference(image.name, tag), None)
        digest = self._pushed(image, tag, images)
        if self.target.tag is None:
            return Delivered(self.target.reference(image.name, tag), digest)
        own = self.family.tag(self.target.tag) if image.of_family else self.target.tag
        return Delivered(self.target.reference(image.name, own), self._pushed(image, own, images, anew=True))

    def _pushed(self, image: Image, tag: str, images: Mapping[str, Image], anew: bool = False) -> str:
        """The digest of the image in the registry, where it is pushed unless it is there under the tag.

        `anew`: a tag that does not name the content is pushed whatever is there.
        """
        reference = self.target.reference(image.name, tag)
        if not anew and (digest := self.target.digest(image.name, tag)) is not None:
            say(f"{image.name}: {reference} is there already")
            return digest
        self.ensure_local(image, images)
        say(f"{image.name}: pushing {reference}")
        return self.engine.push(self.local(image.name), reference, self.target.insecure, self.log(image.name))

    def ensure_local(self, image: Image, images: Mapping[str, Image]) -> None:
        """Has the image in the local store: it is there, or the registry has it, or it is built."""
        name, tag = image.name, self.tags[image.name]
        if self.engine.exists(self.local(name)):
            say(f"{name}: {self.local(name)} is built already")
            return
        cuda = name == "base" and not self.build_args(image).get(_TORCH_INDEX)
        check_space(self.engine.store(), heavy=cuda)
        if self.target.digest(name, tag) is not None:
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

    def prune(self, others: Set[str] = frozenset()) -> list[str]:
        """Removes this project's images of other tags than the current ones, and than those of others;
        returns what it removed.
        """
        own = {self.local(name) for name in self.tags}
        keep = own | others | {bootstrap.reference(LOCAL_PREFIX)}
        superseded = [name for name in self.engine.references(LOCAL_PREFIX) if name not in keep]
        self.engine.remove(superseded)
        left = set(self.engine.references(LOCAL_PREFIX))
        return [name for name in superseded if name not in left]

    def log(self, name: str) -> Path:
        """The log of one image's commands."""
        return self.work / "logs" / f"{name}.log"
