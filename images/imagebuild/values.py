"""The chart's values that name the pushed images by digest."""

import json
import platform
from collections.abc import Mapping
from pathlib import Path

from imagebuild.build import Delivered
from imagebuild.families import Family

_RUNTIMES = ("compiler", "triton", "torchserve")
Pushed = dict[str, dict[str, str]]


def remember(record: Path, registry: str, family: str, images: Mapping[str, Delivered]) -> dict[str, Pushed]:
    """Adds a family's images to what was pushed to the registry before; `record` keeps that between runs."""
    known: dict[str, dict[str, Pushed]] = json.loads(record.read_text()) if record.exists() else {}
    of_registry = known.setdefault(registry, {})
    for name, image in images.items():
        told = {"reference": image.pinned, "digest": image.digest or ""}
        of_registry.setdefault(name, {})[family] = told | ({"base": image.base} if image.base else {})
    record.write_text(json.dumps(known, indent=2))
    return of_registry


def render(registry: str, pushed: Mapping[str, Pushed], families: Mapping[str, Family]) -> str:
    """The values as YAML: the operator, and each family's images that were pushed."""
    lines = [
        "# Written by images/build.py: the images by digest, and the names of their compilers' versions."
    ]
    bases = {
        (family, said["base"])
        for of_family in pushed.values()
        for family, said in of_family.items()
        if "base" in said
    }
    lines += [f"# The images of {family} are built on {base}." for family, base in sorted(bases)]
    lines += ["images:", f"  registry: {_quoted(registry)}"]
    for of_family in pushed.get("operator", {}).values():
        lines += ["  operator:", f"    digest: {_quoted(of_family['digest'])}"]
    lines += ["  architectures:", f"    cpu: {_quoted(architecture())}"]
    for name in _RUNTIMES:
        if name in pushed:
            lines.append(f"  {name}:")
            lines += [
                f"    {family}: {_quoted(said['reference'])}" for family, said in sorted(pushed[name].items())
            ]
    there = sorted(set(pushed.get("compiler", {})) & set(families))
    if there:
        lines.append("toolchains:")
        lines += [f"  {family}: {_quoted(families[family].toolchain)}" for family in there]
    return "\n".join(lines) + "\n"


def architecture() -> str:
    """What this machine's images run on, as nodes are labelled."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _quoted(text: str) -> str:
    # A JSON string is a YAML string.
    return json.dumps(text)
