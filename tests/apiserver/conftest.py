"""The hollow node for the whole suite, and a namespace with an operator of its own for each module."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest
from apiserver.admission import NAMESPACE
from hollow import HollowNode
from hollow import world as hollow_world
from hollow.world import World
from support.kube import Kube


class Worlds(Protocol):
    """Makes a world of that name; keywords are the operator's settings, or another node."""

    def __call__(self, name: str, *, on: HollowNode | None = None, **settings: Any) -> World: ...


@pytest.fixture(scope="session")
def node(kube: Kube) -> Iterator[HollowNode]:
    with HollowNode(kube.cluster.kubeconfig, "hollow") as node:
        yield node


@pytest.fixture(scope="module")
def worlds(kube: Kube, node: HollowNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worlds]:
    with ExitStack() as stack:

        def make(name: str, *, on: HollowNode | None = None, **settings: Any) -> World:
            home = tmp_path_factory.mktemp(name)
            return stack.enter_context(hollow_world.world(kube, on or node, name, home, **settings))

        yield make


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, worlds: Worlds) -> World:
    """A namespace named after the module, and its operator."""
    module = request.module.__name__.rpartition(".")[2]
    return worlds(module.replace("_", "-"))


@pytest.fixture(scope="module")
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace for objects that no operator watches."""
    kube.remove_namespace(NAMESPACE)
    with kube.temporary_namespace(NAMESPACE) as name:
        yield name
