"""The project's images in the cluster's registry; `python -m support.images` builds and pushes them."""

import json
import subprocess
import sys
from pathlib import Path

import cluster
from cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "build" / "images.json"


class BuildFailed(Exception):
    """An image could not be built or pushed."""


def build(at: Cluster) -> dict[str, str]:
    """Build what changed, push it, and return the full reference of each image by its name.

    Raises:
        BuildFailed: the build has said why.
    """
    command = [sys.executable, str(ROOT / "images" / "build.py"), "--push", "--registry", at.registry]
    if at.insecure_registry:
        command.append("--insecure")
    command += ["--tests", "--output", str(RECORD), "--values", str(RECORD.with_name("values-images.yaml"))]
    if subprocess.run(command, cwd=ROOT).returncode:
        raise BuildFailed("the images could not be built or pushed: the lines above say why")
    references: dict[str, str] = json.loads(RECORD.read_text())
    return references


if __name__ == "__main__":
    try:
        build(cluster.provider().up())
    except (cluster.Lacking, BuildFailed, RuntimeError) as failure:
        sys.exit(str(failure))
