"""The serving runtime: checks an artifact, lays out Triton's model repository and becomes tritonserver."""
