"""An image's bill of materials, as CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from imagebuild.inventory import Component


@dataclass(frozen=True)
class Subject:
    """The image that is described.

    `digest` is None where it was pushed nowhere; `base` is what it is built on in the end, by digest where
    that is known.
    """

    name: str
    version: str
    reference: str
    digest: str | None
    base: str


def document(subject: Subject, components: Iterable[Component]) -> str:
    """The document: the same for the same image, without the time at which it was written."""
    properties = {"reference": subject.reference, "base-image": subject.base}
    described = {
        "type": "container",
        "bom-ref": "image",
        "name": f"neuron-operator-{subject.name}",
        "version": subject.digest or subject.version,
        "properties": [
            {"name": f"neuron-operator:{name}", "value": value} for name, value in properties.items()
        ],
    }
    content = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": described},
        "components": [_component(each) for each in components],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _component(found: Component) -> dict[str, object]:
    said: dict[str, object] = {
        "type": "library",
        "bom-ref": found.purl,
        "name": found.name,
        "version": found.version,
        "purl": found.purl,
    }
    return {**said, "licenses": [{"expression": found.licence}]} if found.licence else said
