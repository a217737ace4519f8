"""What every serving runtime does alike: check an artifact, load its buckets, answer requests with them."""
