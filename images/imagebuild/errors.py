"""The one error a user of the build tool meets."""


class BuildError(Exception):
    """The images can't be built; the text is one sentence that says what to do."""
