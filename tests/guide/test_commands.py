"""Every command that the documentation shows has the flags that its program knows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cluster import tools as built
from guide import tools
from guide.commands import Command, calls, entered, shown
from support.images import ROOT
from support.kube import Kube

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "tests/eks/README.md"]
COMMANDS = shown(ROOT, PAGES)


def of(*programs: str) -> list[Command]:
    found = [each for each in COMMANDS if each.program in programs]
    assert found, programs
    return found


def test_no_program_is_shown_that_nothing_here_knows() -> None:
    known = {"aws", "eksctl", "kubectl", "helm", "docker", "make", "images/build.py", "curl", "sed", "grep"}
    assert {each.program for each in COMMANDS} <= known


def test_kubectl_knows_every_flag(kube: Kube) -> None:
    program = kube.cluster.kubectl
    everywhere = tools.of_kubectl(program)
    for command in of("kubectl"):
        verbs = _verbs(command)
        known = tools.of_help(program, verbs) | everywhere
        assert set(command.flags) <= known, command


def test_helm_knows_every_flag() -> None:
    program = built.build(built.HELM)
    for command in of("helm"):
        assert set(command.flags) <= tools.of_help(program, command.verbs[:1]), command


@pytest.mark.parametrize(
    ("program", "known"), [("aws", tools.AWS), ("eksctl", tools.EKSCTL), ("docker", tools.DOCKER)]
)
def test_a_program_that_cannot_be_run_here_has_every_flag_in_its_source(
    program: str, known: dict[tuple[str, ...], set[str]]
) -> None:
    for command in of(program):
        (verbs,) = [verbs for verbs in known if command.verbs[: len(verbs)] == verbs]
        assert set(command.flags) <= known[verbs], command


def test_our_own_programs_have_every_flag_and_target() -> None:
    said = subprocess.run(
        [sys.executable, str(ROOT / "images/build.py"), "--help"], capture_output=True, text=True, check=True
    )
    for command in of("images/build.py"):
        assert set(command.flags) <= set(re.findall(r"--?[a-z-]+", said.stdout)), command
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {word for command in of("make") for word in command.words[1:] if "=" not in word} <= targets


def test_every_file_that_a_command_reads_is_there_or_made_before() -> None:
    made = {"my-values.yaml", "values-images.yaml", "models-policy.json", "my-model.yaml", "cat.png"}
    for command in COMMANDS:
        for word in command.words[1:]:
            name = word.removeprefix("file://").removeprefix("@")
            if re.fullmatch(r"[\w./-]+\.(ya?ml|json|png)", name):
                assert name in made or (ROOT / name).exists(), command


def _verbs(command: Command) -> tuple[str, ...]:
    """The subcommand: two words of `rollout`, `create`, `top`, one of others; flags may stand before it."""
    words = list(command.words[1:])
    while words[0].startswith("-"):
        words = words[1:] if "=" in words[0] else words[2:]
    return tuple(words[:2]) if words[0] in ("rollout", "create", "top") else tuple(words[:1])


def test_a_line_is_taken_apart_as_a_shell_does() -> None:
    block = (
        "$ export A=$(aws x y --query 'B[].C' --output text)\n"
        "$ for one in $(aws z list); do\n"
        "    helm go --flag $one\n"
        "  done\n"
        "$ curl -s a -d '{\n"
        '  "b": 1}\'\n'
        "output\n"
        "$ sed 's/a;b/c/' from > to   # why\n"
    )
    assert [words for line in entered(block) for words in calls(line)] == [
        ("aws", "x", "y", "--query", "B[].C", "--output", "text"),
        ("aws", "z", "list"),
        ("helm", "go", "--flag", "$one"),
        ("curl", "-s", "a", "-d", '{\n  "b": 1}'),
        ("sed", "s/a;b/c/", "from"),
    ]


def test_a_flag_that_helm_does_not_know_is_found() -> None:
    known = tools.of_help(built.build(built.HELM), ("upgrade",))
    assert "--create-namespace" in known
    assert "--make-namespace" not in known


def test_the_pages_are_there() -> None:
    assert all(isinstance(page, Path) and page.exists() for page in PAGES)
