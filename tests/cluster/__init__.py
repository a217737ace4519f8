"""A real Kubernetes cluster at hand for the demo, the tests and the benchmarks."""

from cluster.choice import provider
from cluster.interface import Cluster, Lacking, Provider

__all__ = ["Cluster", "Lacking", "Provider", "provider"]
