"""What a request may have at most. Needs no numpy."""

from neuron_artifact import Manifest

# A request may have more rows than were compiled for (they are split), but not without bound: its tensors
# and results are held in memory at once.
MAX_ROWS = 64

# Of pictures: the pixels of one that is decoded (10 bytes each, with the copies that libraries make), of a
# JPEG that the decoder halves, and of what one is resized to.
MAX_PICTURE_PIXELS = 25_000_000
MAX_DRAFT_PIXELS = 4 * MAX_PICTURE_PIXELS
MAX_RESIZED_PIXELS = 16_000_000
# The pixel values that the pictures of one request become.
MAX_PIXEL_BYTES = 256 * 1024 * 1024


def max_rows(manifest: Manifest) -> int:
    """Return how many rows a request may have: never fewer than one compiled call."""
    return max(MAX_ROWS, *(bucket.batch for bucket in manifest.buckets))
