"""Stands in for torch where only the recipe of an image is at stake: it can be imported, and no more."""

from importlib.metadata import version

__version__ = version("torch")
int64, float64 = "int64", "float64"
