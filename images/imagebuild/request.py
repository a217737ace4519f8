"""What an engine is asked to build."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Build:
    """All that one build needs; `secrets` maps a secret's id to the file that holds it."""

    reference: str
    dockerfile: Path
    context: Path
    build_args: Mapping[str, str]
    labels: Mapping[str, str]
    secrets: Mapping[str, Path]

    def options(self) -> list[str]:
        """The options that every engine spells alike, without the secrets."""
        words = ["--tag", self.reference]
        for name, value in sorted(self.build_args.items()):
            words += ["--build-arg", f"{name}={value}"]
        for name, value in sorted(self.labels.items()):
            words += ["--label", f"{name}={value}"]
        return words

    def secret_options(self) -> list[str]:
        """The options that hand the secrets to the build."""
        return [
            word
            for name, path in sorted(self.secrets.items())
            for word in ("--secret", f"id={name},src={path}")
        ]


def by_digest(reference: str, digest: str) -> str:
    """The reference with that digest in place of its tag; as it is where there is none, or it has one."""
    if not digest.startswith("sha256:") or "@" in reference or reference.startswith("localhost/"):
        return reference
    name, colon, tag = reference.rpartition(":")
    return f"{reference if not colon or '/' in tag else name}@{digest}"
