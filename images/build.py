"""Builds the container images: `python images/build.py --help`.

Docker is used where its daemon answers, else buildah. An image's tag is a hash of all that goes into it, so
an unchanged tree builds and pushes nothing. Standard output is the map from image names to full references,
as JSON.
"""

import argparse
import fcntl
import json
import os
import sys
import tomllib
from pathlib import Path

from imagebuild.build import Builder, Target, choose_os_image
from imagebuild.engines import find_engine
from imagebuild.errors import BuildError
from imagebuild.progress import say
from imagebuild.table import IMAGES, with_parents

_ROOT = Path(__file__).resolve().parent.parent
_EPILOG = """\
Build arguments are read from the environment:
  BASE_IMAGE          a Python 3.11 image; default: Docker Hub's, or Debian's bootstrap where it can't be
                      reached
  TORCH_REQUIREMENT   the torch to install, as pip writes it
  TORCHVISION_REQUIREMENT  the torchvision that fits it
  TORCH_INDEX_URL     the index that both come from
  EXTRA_REQUIREMENTS  more packages for the base image, such as torch-neuronx
  EXTRA_INDEX_URL     the index that has them
  TRITON_REQUIREMENT  the package that carries the Triton server
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
    parser.add_argument("--registry", metavar="HOST[:PORT]", help="the registry that the references name")
    parser.add_argument("--push", action="store_true", help="push to the registry what it does not have")
    parser.add_argument("--insecure", action="store_true", help="the registry speaks plain HTTP")
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        default=[image.name for image in IMAGES],
        choices=[image.name for image in IMAGES],
        help="only these images (and what they are built from)",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the map to this file")
    parser.add_argument("--prune", action="store_true", help="remove superseded images of the local store")
    arguments = parser.parse_args(words)
    if arguments.push and not arguments.registry:
        parser.error("--push needs --registry HOST[:PORT]")
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
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    target = Target(arguments.registry, arguments.insecure, arguments.push)
    environ = dict(os.environ)
    os_image = choose_os_image(environ)
    builder = Builder(_ROOT, work, find_engine(), target, environ, os_image, project["version"])
    everything = {image.name: image for image in IMAGES}
    images = with_parents(arguments.only)
    builder.assign_tags(images)
    references = {}
    for number, image in enumerate(images, start=1):
        if image.name in arguments.only:
            say(f"[{number}/{len(images)}] {image.name}")
            references[image.name] = builder.deliver(image, everything)
    if arguments.prune:
        builder.assign_tags(list(IMAGES))
        for reference in builder.prune():
            say(f"removed {reference}")
    return references


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
