"""The commands that the documentation shows, taken apart. Pure."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\$\(|\)|\"", re.DOTALL)
_BETWEEN = {";", "|", "&&", "||", "&"}
_AROUND = {"do", "done", "then", "fi"}


@dataclass(frozen=True)
class Command:
    """One call of a program: where it stands, and its words without the quotes."""

    page: str
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The first word."""
        return self.words[0]

    @property
    def flags(self) -> tuple[str, ...]:
        """The names of its flags, with their dashes and without values."""
        return tuple(word.partition("=")[0] for word in self.words[1:] if re.match(r"--?[a-zA-Z]", word))

    @property
    def verbs(self) -> tuple[str, ...]:
        """The words before the first flag."""
        found = []
        for word in self.words[1:]:
            if word.startswith("-"):
                break
            found.append(word)
        return tuple(found)


def shown(root: Path, pages: list[Path]) -> list[Command]:
    """Every command of the console blocks of the pages, those inside of $(...) too."""
    return [
        Command(str(page.relative_to(root)), words)
        for page in pages
        for block in _BLOCK.findall(page.read_text())
        for line in entered(block)
        for words in calls(line)
    ]


def entered(block: str) -> Iterator[str]:
    """What is typed after each prompt: to the end of the quote, loop or continued line."""
    lines = block.splitlines()
    while lines:
        line = lines.pop(0)
        if not line.startswith("$ "):
            continue
        text = line[2:]
        while lines and not lines[0].startswith("$ ") and _open(text):
            text = text.removesuffix("\\") + "\n" + lines.pop(0)
        yield text


def _open(text: str) -> bool:
    loops = len(re.findall(r"\bdo\b", text)) - len(re.findall(r"\bdone\b", text))
    return text.endswith("\\") or text.count("'") % 2 == 1 or loops > 0


def calls(line: str) -> Iterator[tuple[str, ...]]:
    """The words of each program that a line of a shell calls; comments and redirections are left out."""
    lexer = shlex.shlex(_apart(line), posix=True, punctuation_chars=";|&<>")
    lexer.whitespace_split = True
    words: list[str] = []
    rest = list(lexer)
    while rest:
        word = rest.pop(0)
        if word in (">", ">>", "<"):
            rest[:1] = []
        elif word in _BETWEEN or word in _AROUND:
            yield from _call(words)
            words = []
        else:
            words.append(word)
    yield from _call(words)


def _call(words: list[str]) -> Iterator[tuple[str, ...]]:
    while words and (words[0] in ("export",) or re.match(r"[A-Z_]+=", words[0])):
        words = words[1:]
    if words and words[0] != "for":
        yield tuple(words)


def _apart(line: str) -> str:
    """The line with every $(...) as a command of its own, after and before a semicolon."""

    def instead(match: re.Match[str]) -> str:
        return {"$(": " ; ", ")": " ; "}.get(match[0], match[0])

    return _QUOTED.sub(instead, line)
