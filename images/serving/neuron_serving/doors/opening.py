"""From an artifact to its door."""

from pathlib import Path

from neuron_artifact import Manifest

from neuron_serving.doors.door import Door
from neuron_serving.doors.face import IMAGE, kind_of
from neuron_serving.doors.image import ImageDoor
from neuron_serving.doors.text import TextDoor


def open_door(directory: Path, manifest: Manifest) -> Door:
    """Return the door of an artifact that has one (see `kind_of`). Raises what reading its files raises."""
    if kind_of(directory, manifest) == IMAGE:
        return ImageDoor(directory, manifest)
    return TextDoor(directory, manifest)
