"""What a decision wants done, and how it differs from what is there. Pure."""
