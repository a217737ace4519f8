"""What the operator asked of the API server in the whole suite, against its rights. Named to run last.

A watch is in the audit log once it has ended: the suite kills the operator, which ends its watches.
"""

import json
from collections.abc import Iterator

import pytest
from e2e.conftest import World
from neuron_operator.world.permissions import PERMISSIONS
from support.kube import Object

Right = tuple[tuple[str, str], str]
CREATED = 201
FORBIDDEN = 403

# Used when `kubectl scale` replaces autoscaling, which tests/apiserver/test_drift.py shows.
ELSEWHERE: set[Right] = {(("autoscaling", "horizontalpodautoscalers"), "delete")}


@pytest.fixture(scope="module")
def requests(world: World) -> list[Object]:
    """The operator's requests since its namespace was made, from the audit log."""
    log = world.kube.cluster.audit_log
    if log is None:
        pytest.skip("this provider of a cluster has no audit log")
    home = world.kube.get("namespace", world.release.namespace)
    assert home
    since = home["metadata"]["creationTimestamp"]
    with log.open() as lines:
        events = [json.loads(line) for line in lines if line.endswith("\n")]
    user = world.release.user
    return [e for e in events if e["user"]["username"] == user and e["requestReceivedTimestamp"] >= since]


def used(requests: list[Object]) -> Iterator[Right]:
    """The right that each request on a resource used; an apply that creates uses two."""
    for request in requests:
        if reference := request.get("objectRef"):
            parts = (reference["resource"], reference.get("subresource"))
            resource = (reference.get("apiGroup", ""), "/".join(filter(None, parts)))
            yield resource, request["verb"]
            if request["verb"] == "patch" and request["responseStatus"]["code"] == CREATED:
                yield resource, "create"


def test_no_request_of_the_operator_was_forbidden(requests: list[Object]) -> None:
    assert requests
    assert [r["requestURI"] for r in requests if r["responseStatus"]["code"] == FORBIDDEN] == []


def test_the_operator_used_every_right_it_has(requests: list[Object]) -> None:
    rights = {(resource, verb) for resource, verbs in PERMISSIONS.items() for verb in verbs}
    assert rights - set(used(requests)) <= ELSEWHERE
