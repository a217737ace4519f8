"""What has no name in this transformers."""


class UnknownError(Exception):
    """A setting that this transformers does not know; the text names it with its value."""
