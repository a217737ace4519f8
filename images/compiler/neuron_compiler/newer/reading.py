"""The directory of a model as this image's transformers can read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import transformers

from neuron_compiler import jsonfile
from neuron_compiler.failure import CompileError
from neuron_compiler.newer import config, modules, processor, tokenizer
from neuron_compiler.newer.unknown import UnknownError
from neuron_compiler.request import Model

_CONFIG, _TOKENIZER, _MODULES = "config.json", "tokenizer_config.json", "modules.json"
_PROCESSORS = ("preprocessor_config.json", "processor_config.json")


@contextmanager
def readable(model: Model, directory: Path) -> Iterator[Path]:
    """The directory of a model, or another one beside whose weights stand its settings in this transformers'
    words. Code of the model's own, where it is trusted, knows its own words.

    Raises CompileError for what can't be said in them.
    """
    own = model.task == "custom"
    changed = {} if own else dict(_changed(model.uri, directory, model.trust_remote_code))
    if not changed:
        yield directory
        return
    with TemporaryDirectory(prefix="words-") as scratch:
        place = Path(scratch)
        _mirror(directory, place, changed)
        print(f"compile: {', '.join(sorted(changed))} said as transformers {_here()} says it", flush=True)
        yield place


def _changed(uri: str, directory: Path, trusted: bool) -> Iterator[tuple[str, Any]]:
    """The files that read otherwise, with their new content, by their path in the directory."""
    listed = _json(directory / _MODULES)
    if isinstance(listed, list) and (known := modules.translated(listed)) != listed:
        yield _MODULES, known
    found = [path for path in (directory / _CONFIG, *directory.glob(f"*/{_CONFIG}")) if path.is_file()]
    for path in found:
        content = _object(path)
        if not _is_newer(content.get("transformers_version")):
            continue
        try:
            said = _said(path.parent, content, trusted)
        except UnknownError as unknown:
            raise CompileError(
                "UnsupportedArchitecture",
                f"{path.relative_to(directory)} of {uri} was written by transformers "
                f"{content['transformers_version']}, with {unknown}, which transformers {_here()} of this "
                "target's image does not know: compile for another target, take out what says nothing of how "
                f"the model computes, or save the model with transformers {_here()}.",
            ) from unknown
        for name, other in said.items():
            if other != _object(path.parent / name):
                yield (path.parent / name).relative_to(directory).as_posix(), other


def _said(directory: Path, content: Mapping[str, Any], trusted: bool) -> dict[str, Mapping[str, Any]]:
    """The settings of one folder in this transformers' words. Raises UnknownError."""
    own_code = trusted and "auto_map" in content
    said = {_CONFIG: content if own_code else config.translated(content)}
    if not own_code and (directory / _TOKENIZER).is_file():
        said[_TOKENIZER] = tokenizer.translated(_object(directory / _TOKENIZER))
    for name in _PROCESSORS:
        if (directory / name).is_file():
            said[name] = processor.translated(_object(directory / name), str(content.get("model_type")))
    return said


def _mirror(directory: Path, place: Path, changed: Mapping[str, Any]) -> None:
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        target = place / name
        if path.is_dir():
            target.mkdir()
        elif name in changed:
            target.write_text(json.dumps(changed[name], indent=2), encoding="utf-8")
        else:
            target.symlink_to(path.resolve())


def _is_newer(version: object) -> bool:
    """Whether a release is of a later generation than this image's."""
    major = str(version).partition(".")[0]
    return major.isdecimal() and int(major) > int(_here().partition(".")[0])


def _here() -> str:
    return str(transformers.__version__)


def _object(path: Path) -> Mapping[str, Any]:
    """A JSON object; empty where it is none: whoever reads the file says what is wrong with it."""
    content = _json(path)
    return content if isinstance(content, dict) else {}


def _json(path: Path) -> Any:
    try:
        return jsonfile.read(path)
    except (OSError, ValueError):
        return None
