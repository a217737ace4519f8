#!/usr/bin/env python3
"""Builds the container images: `python images/build.py --help`.

Docker is used where its daemon answers, else buildah; no cluster is needed. An image's tag is a hash of all
that goes into it, so an unchanged tree builds and pushes nothing. Standard output is the map from image names
to full references, as JSON. What was pushed is also written as values of the chart, by digest, with
what is in each image beside it (sbom/, CycloneDX).
"""

import argparse
import fcntl
import json
import os
import sys
import tomllib
from pathlib import Path

from imagebuild import families, values
from imagebuild.build import (
    PROJECT_PREFIX,
    Builder,
    Delivered,
    Target,
    bring_os_image,
    choose_os_image,
    choose_torch_index,
)
from imagebuild.engines import Engine, engines_at_hand, find_engine
from imagebuild.errors import BuildError
from imagebuild.families import FAMILIES, Family
from imagebuild.progress import say
from imagebuild.table import IMAGES, Image, with_parents

_FOR_TESTS = [image.name for image in IMAGES if image.for_tests]
_ROOT = Path(__file__).resolve().parent.parent
_EPILOG = """\
Each family's recipe is in images/families; every build argument in it may be set in the environment
instead, and
  BASE_IMAGE           a Python 3.11 image for the operator and the family cpu; default: Docker Hub's, or
                       Debian's bootstrap where that can't be reached
  BASE_IMAGE_NEURONX, BASE_IMAGE_NEURON
                       images laid out as AWS's containers, for example from your own registry
  TORCH_REQUIREMENTS   other torch and torchvision for the family cpu
  TORCH_INDEX_URL      the index they come from; default: PyTorch's own for the CPU where that answers,
                       else the machine's; empty: the machine's
Package indexes, proxies and certificates come from the machine's pip, uv and environment, and leave no trace
in the images."""


def parse_arguments(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="images/build.py",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--family",
        nargs="+",
        default=["cpu"],
        choices=FAMILIES,
        help="cpu, neuronx (inf2, trn1, trn2), neuron (inf1); default: cpu",
    )
    parser.add_argument("--registry", metavar="HOST[:PORT][/PATH]", help="the registry that references name")
    parser.add_argument("--push", action="store_true", help="push to the registry what it does not have")
    parser.add_argument("--tag", help="push under this tag as well; the Neuron families add their name to it")
    parser.add_argument("--insecure", action="store_true", help="the registry speaks plain HTTP")
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        choices=[image.name for image in IMAGES],
        help="only these images (and what they are built from)",
    )
    parser.add_argument("--tests", action="store_true", help="the images of the project's own tests as well")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the map to this file")
    parser.add_argument(
        "--values",
        type=Path,
        metavar="FILE",
        default=Path("values-images.yaml"),
        help="where a push writes the chart's values; default: values-images.yaml",
    )
    parser.add_argument(
        "--os-image", action="store_true", help="only have what the images are built on in the local store"
    )
    parser.add_argument("--prune", action="store_true", help="remove superseded images of the local store")
    parser.add_argument(
        "--remove", action="store_true", help="only remove every image of the project from the local store"
    )
    arguments = parser.parse_args(words)
    if arguments.push and not arguments.registry:
        parser.error("--push needs --registry HOST[:PORT][/PATH]")
    return arguments


def main(words: list[str]) -> int:
    """Runs the command line and returns its exit code."""
    arguments = parse_arguments(words)
    work = _ROOT / "build" / "images"
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            references = _deliver(arguments, work)
        except BuildError as error:
            say(f"error: {error}")
            return 1
    text = json.dumps(references, indent=2) + "\n"
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(text)
    sys.stdout.write(text)
    return 0


def _deliver(arguments: argparse.Namespace, work: Path) -> dict[str, str]:
    if arguments.remove:
        for each in engines_at_hand():
            each.remove(each.references(PROJECT_PREFIX))
        return {}
    engine = find_engine(arguments.registry if arguments.insecure else None)
    if arguments.os_image:
        return {"os": bring_os_image(engine, families.read(_ROOT, "cpu"), os.environ, work / "logs/os.log")}
    references: dict[str, str] = {}
    target = Target(arguments.registry, arguments.insecure, arguments.push, arguments.tag)
    recipes = {name: families.read(_ROOT, name) for name in FAMILIES}
    if "cpu" in arguments.family:
        recipes["cpu"] = choose_torch_index(recipes["cpu"], os.environ)
    builders = {name: _builder(recipes[name], engine, target, work) for name in arguments.family}
    for name, builder in builders.items():
        # The operator has no family: the first one brings it.
        names = _names(arguments, builder.family, first=name == arguments.family[0])
        delivered = _build(builder, names)
        suffix = "" if len(builders) == 1 else f"-{name}"
        references |= {
            image if image == "operator" else f"{image}{suffix}": said.reference
            for image, said in delivered.items()
        }
        if arguments.push:
            pushed = values.remember(work / "pushed.json", arguments.registry, name, delivered)
            arguments.values.write_text(values.render(arguments.registry, pushed, recipes))
            say(f"{arguments.values} names the images by digest")
        _write_sboms(arguments.values.parent / "sbom" if arguments.push else work / "sbom", name, delivered)
    if arguments.prune:
        for builder in builders.values():
            builder.assign_tags(list(IMAGES))
        for reference in builders[arguments.family[-1]].prune({*_locals(builders)}):
            say(f"removed {reference}")
    return references


def _write_sboms(folder: Path, family: str, delivered: dict[str, Delivered]) -> None:
    """What is in each image, one file each, as CycloneDX."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, said in delivered.items():
        if said.sbom is not None:
            suffix = "" if family == "cpu" or name == "operator" else f"-{family}"
            (folder / f"{name}{suffix}.cdx.json").write_text(said.sbom)
    lacking = [name for name, said in delivered.items() if said.sbom is None and name not in _FOR_TESTS]
    if lacking:
        say(f"{folder} has no list of what is in {', '.join(lacking)}: they were built elsewhere")


def _builder(family: Family, engine: Engine, target: Target, work: Path) -> Builder:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    environ = dict(os.environ)
    os_image = choose_os_image(family, environ)
    return Builder(_ROOT, work, engine, target, environ, os_image, project["version"], family)


def _names(arguments: argparse.Namespace, family: Family, first: bool) -> list[str]:
    """What is wanted of a family. Raises BuildError for an image that it can't have."""
    for name in arguments.only or ():
        if name in family.without:
            raise BuildError(f"There is no {name} image of the family {family.name}: {family.without[name]}.")
    wanted = arguments.only or [image.name for image in IMAGES if arguments.tests or not image.for_tests]
    there = {*family.images, *(image.name for image in IMAGES if image.for_tests)}
    there |= {"operator"} if first else set()
    there |= {"base"} if arguments.only else set()
    return [image.name for image in IMAGES if image.name in wanted and image.name in there]


def _build(builder: Builder, names: list[str]) -> dict[str, Delivered]:
    everything: dict[str, Image] = {image.name: image.of(builder.family.name) for image in IMAGES}
    images = with_parents(names)
    builder.assign_tags(images)
    delivered = {}
    for number, image in enumerate(images, start=1):
        if image.name in names:
            say(f"[{number}/{len(images)}] {image.name} ({builder.family.name})")
            delivered[image.name] = builder.deliver(everything[image.name], everything)
    return delivered


def _locals(builders: dict[str, Builder]) -> list[str]:
    return [builder.local(name) for builder in builders.values() for name in builder.tags]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
