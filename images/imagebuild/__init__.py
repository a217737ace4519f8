"""Builds the project's container images with Docker or buildah, from the same Dockerfiles."""
