"""What can be wrong with an artifact."""


class ArtifactMissing(Exception):
    """There is no artifact of that digest; the text is one sentence."""


class ArtifactUnverified(Exception):
    """The artifact is whole but has not passed on the accelerator; the text is one sentence."""


class ArtifactCorrupt(Exception):
    """The artifact's files are not what its manifest says; the text is one sentence."""
