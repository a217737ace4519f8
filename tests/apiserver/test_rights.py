"""A namespace whose Role was taken away from the operator: others go on, and it comes back by itself."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hollow import HollowNode
from hollow.process import OperatorProcess
from hollow.world import World, namespace, settings
from support.kube import Kube

OPEN, SHUT = "rights-kept", "rights-taken"


@pytest.fixture(scope="module")
def both(
    kube: Kube, node: HollowNode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, World]]:
    with ExitStack() as stack:
        for name in (OPEN, SHUT):
            stack.enter_context(namespace(kube, name))
        process = OperatorProcess(kube, tmp_path_factory.mktemp("rights"), [OPEN, SHUT], settings())
        operator = stack.enter_context(process)
        yield World(kube, node, OPEN, operator), World(kube, node, SHUT, operator)


def test_others_go_on_and_what_waits_there_is_done_once_the_role_is_back(
    kube: Kube, both: tuple[World, World]
) -> None:
    kept, taken = both
    taken.apply("before")
    taken.ready("before")
    kept.operator.stop()
    kube.delete("rolebinding", "neuron-operator", SHUT)
    kept.operator.start()
    taken.apply("waits")
    kept.apply("goes-on")
    kept.ready("goes-on")
    assert f"the namespace {SHUT} is left alone" in kept.operator.log.read_text()
    assert taken.there("deployment", "before")["status"]["readyReplicas"] == 1
    kept.operator.allow()
    taken.ready("waits")
