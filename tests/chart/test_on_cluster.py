"""What a real API server says about the chart and the examples."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml
from chart.helm import NAMESPACE, ROOT, VALUES, Helm, Object, the
from support.kube import Kube, Refused
from support.wait import eventually

EXAMPLES = sorted((ROOT / "examples").glob("*-neuron*.yaml"))


@pytest.fixture(scope="module")
def namespaces(kube: Kube) -> Iterator[None]:
    """The release's namespace and those of values/namespaced.yaml, all admitting restricted pods only."""
    watched = yaml.safe_load((VALUES / "namespaced.yaml").read_text())["watchNamespaces"]
    with ExitStack() as stack:
        for name in (NAMESPACE, *watched):
            kube.remove_namespace(name)
            stack.enter_context(kube.temporary_namespace(name))
        yield


def admit(kube: Kube, *objects: Object) -> None:
    """Send the objects through the whole of admission, unknown fields refused; nothing is kept."""
    arguments = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    elsewhere = [found for found in objects if "namespace" in found["metadata"]]
    here = [found for found in objects if found not in elsewhere]
    if here:
        text = yaml.safe_dump_all(here)
        kube.kubectl(*arguments, "--namespace", NAMESPACE, "--filename=-", stdin=text)
    if elsewhere:
        kube.kubectl(*arguments, "--filename=-", stdin=yaml.safe_dump_all(elsewhere))


@pytest.mark.usefixtures("namespaces")
def test_the_api_server_accepts_every_rendered_object(kube: Kube, helm: Helm, values: Path) -> None:
    admit(kube, *helm.template(values=values))


@pytest.mark.usefixtures("namespaces")
def test_the_api_server_would_refuse_a_field_that_does_not_exist(kube: Kube, helm: Helm) -> None:
    deployment = the(helm.template(), "Deployment")
    deployment["spec"]["strategie"] = {}
    with pytest.raises(Refused, match=r"\.spec\.strategie: field not declared"):
        admit(kube, deployment)


@pytest.mark.usefixtures("namespaces")
def test_the_operators_pod_passes_the_restricted_level(kube: Kube, helm: Helm, values: Path) -> None:
    objects = helm.template(values=values)
    account = the(objects, "ServiceAccount")
    account["metadata"]["namespace"] = NAMESPACE
    kube.apply(account)
    pod: Object = {"apiVersion": "v1", "kind": "Pod", **the(objects, "Deployment")["spec"]["template"]}
    pod["metadata"]["name"] = "operator"
    admit(kube, pod)
    del pod["spec"]["securityContext"]
    with pytest.raises(Refused, match="violates PodSecurity"):
        admit(kube, pod)


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("example", EXAMPLES, ids=[example.stem for example in EXAMPLES])
def test_the_api_server_accepts_every_example(kube: Kube, example: Path) -> None:
    admit(kube, *yaml.safe_load_all(example.read_text()))


@pytest.mark.usefixtures("namespaces")
def test_every_resource_in_the_roles_is_served(kube: Kube, helm: Helm) -> None:
    """RBAC takes names as they are written: a misspelt resource grants nothing, and nobody refuses it."""
    served = kube.kubectl("api-resources", "--no-headers", "--output=name").split()
    names = {name.split(".", 1)[0] + "/" + name.partition(".")[2] for name in served}
    rules = [rule for role in helm.template() if role["kind"] == "ClusterRole" for rule in role["rules"]]
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                assert f"{resource.split('/')[0]}/{group}" in names, f"nobody serves {resource} of {group!r}"


@pytest.mark.usefixtures("namespaces")
def test_users_who_may_edit_or_view_a_namespace_may_do_so_with_models(kube: Kube, helm: Helm) -> None:
    roles = [r for r in helm.template() if r["metadata"]["name"].endswith(("-edit", "-view"))]
    kube.apply(*roles)
    try:
        kube.apply(binding("edit"), binding("view"))
        eventually(lambda: may(kube, "edit", "create", "neuronmodels"), what="the roles are aggregated")
        eventually(lambda: may(kube, "view", "list", "neuronmodels"), what="the roles are aggregated")
        assert may(kube, "edit", "patch", "neuronmodels/scale")
        assert not may(kube, "edit", "patch", "neuronmodels/status")
        assert not may(kube, "view", "create", "neuronmodels")
    finally:
        for role in roles:
            kube.delete("clusterrole", role["metadata"]["name"])


def binding(role: str) -> Object:
    """Give a user named as the cluster's own role that role in the release's namespace."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"test-{role}", "namespace": NAMESPACE},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": f"test-{role}"}],
    }


def may(kube: Kube, role: str, verb: str, resource: str) -> bool:
    """Ask the API server's own authorizer."""
    plural, _, subresource = resource.partition("/")
    attributes = {
        "namespace": NAMESPACE,
        "verb": verb,
        "group": "neuron-operator.dev",
        "resource": plural,
        "subresource": subresource,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": f"test-{role}", "resourceAttributes": attributes},
    }
    answer = kube.kubectl("create", "--output=json", "--filename=-", stdin=json.dumps(review))
    return bool(json.loads(answer)["status"]["allowed"])
