"""Generated parts of the CRDs, and the page about their fields."""
