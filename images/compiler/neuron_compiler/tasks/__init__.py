"""What each task computes: the module that is compiled, its tensors, its shapes and its examples; one module
for texts, one for images, one for the user's own code.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from neuron_compiler.failure import CompileError, classify, is_panic, one_line
from neuron_compiler.request import Request
from neuron_compiler.tasks import masks
from neuron_compiler.tasks.task import Task, Tensors

__all__ = ["Task", "Tensors", "prepare"]


def prepare(request: Request, directory: Path, attention: str | None) -> Task:
    """The task of a request around the model in a directory.

    `attention` names the attention implementation to trace (None: the model's own choice). Raises
    CompileError.
    """
    masks.make_traceable()
    try:
        return _prepared(request, directory, attention)
    except (CompileError, MemoryError, OSError):
        raise
    # What nobody foresaw is still of this model's files, which won't change; libraries in Rust panic.
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        told = classify(error)
        if told.reason != "CompilerCrashed":
            raise told from error
        traceback.print_exc()
        raise CompileError(
            "ModelUnreadable",
            f"The files of {request.model.uri} do not make a model for {request.model.task} "
            f"({type(error).__name__}: {one_line(str(error))[:400]}): correct them, or choose another task.",
        ) from error


def _prepared(request: Request, directory: Path, attention: str | None) -> Task:
    # Imported here: timm and the like take seconds, and a text needs none of them.
    if request.model.task == "custom":
        from neuron_compiler.tasks import custom

        return custom.prepare(request, directory)
    if request.model.task in ("image-classification", "image-feature-extraction"):
        from neuron_compiler.tasks import image

        return image.prepare(request, directory, attention)
    from neuron_compiler.tasks import text

    return text.prepare(request, directory, attention)
