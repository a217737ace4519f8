"""Asking the door of an artifact, whose own modules compute the answer."""

from pathlib import Path
from typing import Any

import numpy as np
from neuron_artifact import Manifest
from neuron_serving.doors.opening import open_door
from neuron_serving.loading import load


def ask(place: tuple[Path, Manifest], *texts: str, pairs: Any = (), **parameters: Any) -> Any:
    """The door's outputs for texts, computed by the artifact's own modules."""
    directory, manifest = place
    engine, door = load(directory, manifest, {}, 1), open_door(directory, manifest)
    columns = {"text": texts} | ({"text_pair": pairs} if pairs else {})
    asked = {
        name: np.array([[row.encode()] for row in rows], dtype=np.object_) for name, rows in columns.items()
    }
    question = door.ask(asked, parameters.get("truncation") is True, parameters)
    results = engine.run([part.tensors for part in question.parts])
    return door.answer(question, [result for result in results if isinstance(result, dict)])
