"""Put the schemas of Kubernetes' types where the CRDs ask for them.

`# The schema of NAME` above a field asks for it. What is written of the field by hand (its description,
bounds and rules) stays; `properties`, or those of its items, are made anew.
"""

import re
from collections.abc import Callable
from typing import Any

import yaml

PLACE = re.compile(
    r"^(?P<indent> *)# The schema of (?P<type>[\w.]+)\n"
    r"(?P<key>(?P=indent)\w+:\n)(?P<block>(?:(?P=indent) +.*\n)+)",
    re.MULTILINE,
)


def splice(text: str, structural: Callable[[str], dict[str, Any]]) -> str:
    """The CRD with every such field made anew; the same text where nothing has changed."""

    def anew(place: re.Match[str]) -> str:
        indent = place["indent"]
        written: dict[str, Any] = yaml.safe_load(place["block"])
        schema = structural(place["type"])
        if written["type"] == "array":
            rules = {k: v for k, v in written.get("items", {}).items() if k in ("x-kubernetes-validations",)}
            written["items"] = schema | rules
        else:
            written = {key: value for key, value in written.items() if key not in ("properties", "required")}
            written |= {k: v for k, v in schema.items() if k not in ("type", "description")}
        block = yaml.dump(
            written, Dumper=_Plain, sort_keys=False, width=140 - len(indent), allow_unicode=True
        )
        lines = [f"{indent}  {line}\n" for line in block.splitlines()]
        return f"{indent}# The schema of {place['type']}\n{place['key']}{''.join(lines)}"

    return PLACE.sub(anew, text)


class _Plain(yaml.SafeDumper):
    """Writes what stands twice, twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True
