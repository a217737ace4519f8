"""What can be wrong with an artifact."""


class ArtifactMissing(Exception):  # noqa: N818 - the name is the reason a user sees
    """There is no artifact of that digest; the text is one sentence."""


class ArtifactCorrupt(Exception):  # noqa: N818 - the name is the reason a user sees
    """The artifact's files are not what its manifest says; the text is one sentence."""
