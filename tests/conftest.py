"""Fixtures that several suites share. `kube` starts a cluster if none is up."""

import cluster
import pytest
from support import images as built_images
from support.kube import Kube


@pytest.fixture(scope="session")
def kube() -> Kube:
    """The cluster at hand, with the project's CRDs in it."""
    at = Kube(cluster.provider().up())
    at.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(built_images.ROOT / "crds"))
    return at


@pytest.fixture(scope="session")
def images(kube: Kube) -> dict[str, str]:
    """The project's images, built from this checkout and pushed to the cluster's registry."""
    return built_images.build(kube.cluster)
