"""The chart as helm renders it; no cluster takes part."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "neuron-operator"
VALUES = Path(__file__).parent / "values"
RELEASE = "neuron-operator"
NAMESPACE = "chart-test"

Object = dict[str, Any]


class Refused(Exception):
    """helm failed; the text is what it wrote to stderr."""


@dataclass(frozen=True)
class Helm:
    """A helm program and the version of Kubernetes that it renders for, such as "v1.36.3"."""

    program: Path
    kubernetes: str

    def lint(self, values: Path) -> None:
        """Raise Refused where helm finds a fault or a warning."""
        self._run("lint", "--strict", str(CHART), "--kube-version", self.kubernetes, "--values", str(values))

    def template(self, *arguments: str, values: Path | None = VALUES / "default.yaml") -> list[Object]:
        """Return the objects that the chart renders, in helm's order; raises Refused."""
        chosen = ["--values", str(values)] if values else []
        where = ["--namespace", NAMESPACE, "--kube-version", self.kubernetes]
        text = self._run("template", RELEASE, str(CHART), *where, *chosen, *arguments)
        return [document for document in yaml.safe_load_all(text) if document]

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([str(self.program), *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Refused(done.stderr.strip() or done.stdout.strip())
        return done.stdout


def sets(*changes: str) -> list[str]:
    """Arguments that change single values: "logging.level=debug"."""
    return [argument for change in changes for argument in ("--set", change)]


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    """The objects of one kind, in their order."""
    return [found for found in objects if found["kind"] == kind]


def the(objects: list[Object], kind: str) -> Object:
    """The only object of one kind; raises ValueError unless there is exactly one."""
    (only,) = of_kind(objects, kind)
    return only


def settings(objects: list[Object]) -> Object:
    """The operator's settings, as its ConfigMap holds them."""
    loaded: Object = yaml.safe_load(the(objects, "ConfigMap")["data"]["settings.yaml"])
    return loaded


def granted(rules: list[Object]) -> Iterator[tuple[tuple[str, str], str]]:
    """Each single right of some RBAC rules: (group, resource) and a verb."""
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield (group, resource), verb
