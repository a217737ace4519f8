"""The operator's rights are what it calls: its own list, verb by verb."""

import pytest
from chart.helm import Helm, Object, granted, of_kind, sets, the
from neuron_operator.world.permissions import NODE_PERMISSIONS, PERMISSIONS

Right = tuple[tuple[str, str], str]
IN_NAMESPACES = {(resource, verb) for resource, verbs in PERMISSIONS.items() for verb in verbs}
ON_NODES = {(resource, verb) for resource, verbs in NODE_PERMISSIONS.items() for verb in verbs}
OPERATOR = "chart-test-neuron-operator"
LEADER = f"{OPERATOR}-leader"
"""The role in the operator's own namespace: which replica leads, and nothing else."""


def rights(objects: list[Object], kind: str) -> list[set[Right]]:
    """What each of the operator's own roles of one kind grants."""
    roles = [role for role in of_kind(objects, kind) if role["metadata"]["name"] == OPERATOR]
    return [set(granted(role["rules"])) for role in roles]


def test_a_cluster_wide_operator_has_exactly_the_rights_it_uses(helm: Helm) -> None:
    objects = helm.template()
    assert rights(objects, "ClusterRole") == [IN_NAMESPACES | ON_NODES]
    assert [role["metadata"]["name"] for role in of_kind(objects, "Role")] == [LEADER]


def test_without_fallback_it_has_no_right_on_nodes(helm: Helm) -> None:
    assert rights(helm.template("--set", "fallback.allowed=false"), "ClusterRole") == [IN_NAMESPACES]


def test_with_named_namespaces_its_rights_end_there(helm: Helm) -> None:
    objects = helm.template("--set", "watchNamespaces={a,b}")
    assert rights(objects, "Role") == [IN_NAMESPACES] * 2
    roles: dict[str, list[str]] = {role["metadata"]["name"]: [] for role in of_kind(objects, "Role")}
    for role in of_kind(objects, "Role"):
        roles[role["metadata"]["name"]].append(role["metadata"]["namespace"])
    assert roles == {LEADER: ["chart-test"], OPERATOR: ["a", "b"]}
    assert rights(objects, "ClusterRole") == [ON_NODES]


def test_with_named_namespaces_and_without_fallback_it_has_no_right_on_the_cluster(helm: Helm) -> None:
    change = ("--set", "watchNamespaces={a}", "--set", "fallback.allowed=false")
    objects = helm.template(*change)
    assert rights(objects, "ClusterRole") == []
    assert of_kind(objects, "ClusterRoleBinding") == []


@pytest.mark.parametrize("changes", [[], ["watchNamespaces={a,b}"]])
def test_every_role_is_bound_to_the_operators_service_account(helm: Helm, changes: list[str]) -> None:
    objects = helm.template(*sets(*changes))
    subject = {"kind": "ServiceAccount", "name": "neuron-operator", "namespace": "chart-test"}
    for kind in ("ClusterRole", "Role"):
        own = (OPERATOR, LEADER)
        roles = [r["metadata"] for r in of_kind(objects, kind) if r["metadata"]["name"] in own]
        bindings = of_kind(objects, f"{kind}Binding")
        assert [b["roleRef"]["name"] for b in bindings] == [role["name"] for role in roles]
        assert [b["metadata"].get("namespace") for b in bindings] == [role.get("namespace") for role in roles]
        assert all(b["subjects"] == [subject] for b in bindings)
    pod = the(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == subject["name"]


def test_nobody_is_given_secrets_wildcards_or_the_right_to_give_rights(helm: Helm) -> None:
    everything = {
        right for role in of_kind(helm.template(), "ClusterRole") for right in granted(role["rules"])
    }
    groups = {group for (group, _), _ in everything}
    resources = {resource for (_, resource), _ in everything}
    verbs = {verb for _, verb in everything}
    assert everything
    assert not {"*", "rbac.authorization.k8s.io"} & groups
    assert not {"*", "secrets", "serviceaccounts", "serviceaccounts/token", "pods/exec"} & resources
    assert not {"*", "escalate", "bind", "impersonate"} & verbs
