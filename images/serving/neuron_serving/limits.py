"""What a request may have at most. Needs no numpy."""

from neuron_artifact import Manifest

# A request may have more rows than were compiled for (they are split), but not without bound: its tensors
# and results are held in memory at once.
MAX_ROWS = 64


def max_rows(manifest: Manifest) -> int:
    """Return how many rows a request may have: never fewer than one compiled call."""
    return max(MAX_ROWS, *(bucket.batch for bucket in manifest.buckets))
