"""The two resources and the operator's settings, parsed once at the edge into frozen dataclasses."""
