"""What a cluster needs before anything is compiled on it, as one table. Pure, but for `look`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml
from cluster.kubectl import Kubectl

from eks.probe import Probed, probe

Object = dict[str, Any]

CORES, DEVICES = "aws.amazon.com/neuroncore", "aws.amazon.com/neuron"
_LEAST_DISK_GIB = 30
_REPELLING = {"NoSchedule", "NoExecute"}


@dataclass(frozen=True)
class Check:
    """One thing that is needed: whether it is there, what was found, and what to do where it is not."""

    name: str
    there: bool
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Found:
    """What the API server says. `settings` is the operator's own file, empty where it is not installed;
    `probes` what became of the compiler's image on a Neuron node, by family, for those that could be tried.
    """

    version: str
    nodes: tuple[Object, ...]
    classes: tuple[Object, ...]
    operators: tuple[Object, ...]
    settings: Mapping[str, Any]
    has_metrics: bool
    probes: Mapping[str, Probed] = field(default_factory=dict)


def look(kubectl: Kubectl) -> Found:
    """Asks the cluster. Raises RuntimeError in kubectl's own words where it does not answer."""

    def items(*words: str) -> tuple[Object, ...]:
        return tuple(json.loads(kubectl.run("get", *words, "-o", "json"))["items"])

    chosen = ("-l", "app.kubernetes.io/name=neuron-operator", "--all-namespaces")
    files = [each.get("data", {}).get("settings.yaml") for each in items("configmaps", *chosen)]
    return Found(
        version=json.loads(kubectl.run("version", "-o", "json"))["serverVersion"]["gitVersion"],
        nodes=items("nodes"),
        classes=items("storageclasses"),
        operators=items("deployments", *chosen),
        settings=next((yaml.safe_load(text) for text in files if text), {}),
        has_metrics=kubectl.succeeds("get", "--raw", "/apis/metrics.k8s.io/v1beta1"),
    )


def probed(kubectl: Kubectl, namespace: str, found: Found, targets: Iterable[str]) -> Found:
    """The same with the compiler's images tried on a Neuron node, where there are both."""
    nodes = sorted(_with_cores(found.nodes), key=_repels_others)
    images = found.settings.get("images", {}).get("compiler", {})
    tried = [family for family in _families(set(targets) - {"cpu"}) if images.get(family) and nodes]
    probes = {family: probe(kubectl, namespace, family, nodes[0], found.settings) for family in tried}
    return replace(found, probes=probes)


def checks(found: Found, targets: Iterable[str]) -> tuple[Check, ...]:
    """Everything that models of these targets need."""
    accelerated = set(targets) - {"cpu"}
    made = [_operator(found)]
    if accelerated:
        with_cores = _with_cores(found.nodes)
        made += [_cores(with_cores), _disk(with_cores), _images(found, accelerated)]
        for family in _families(accelerated):
            made += [_pull(found.probes.get(family)), _driver(found.probes.get(family))]
    made += [_ordinary(found.nodes), _storage(found), _metrics(found)]
    return tuple(made)


def table(made: Iterable[Check]) -> str:
    """The checks as lines: OK or MISSING, what was found, and what to do."""
    lines = []
    for check in made:
        advice = "" if check.there or not check.advice else f" -> {check.advice}"
        lines.append(f"{'OK     ' if check.there else 'MISSING'}  {check.name:<16} {check.found}{advice}")
    return "\n".join(lines)


def _operator(found: Found) -> Check:
    ready = [each for each in found.operators if each.get("status", {}).get("availableReplicas")]
    said = f"{len(ready)} of {len(found.operators)} answer, Kubernetes {found.version}"
    return Check("operator", bool(ready), said, "install the chart (docs/eks.md)")


def _cores(nodes: list[Object]) -> Check:
    said = ", ".join(f"{_kind(node)} with {_amount(node, CORES) or _amount(node, DEVICES)}" for node in nodes)
    advice = "add a Neuron node and the Neuron device plugin"
    return Check("NeuronCores", bool(nodes), said or "no node offers any", advice)


def _disk(nodes: list[Object]) -> Check:
    sizes = {_kind(node): _gibibytes(_allocatable(node).get("ephemeral-storage", "0")) for node in nodes}
    said = ", ".join(f"{kind} has {size:.0f} GiB for pods" for kind, size in sizes.items())
    enough = bool(sizes) and min(sizes.values()) >= _LEAST_DISK_GIB
    return Check("disk", enough, said or "no Neuron node", "give the node group a root volume of 100 GiB")


def _images(found: Found, targets: set[str]) -> Check:
    images = found.settings.get("images", {})
    families = _families(targets)
    lacking = [
        f"{name} of {family}"
        for family in families
        for name in ("compiler", "torchserve" if family == "neuron" else "triton")
        if not images.get(name, {}).get(family)
    ]
    advice = f"images/build.py --family {' '.join(families)}, then helm upgrade with values-images.yaml"
    return Check("images", not lacking, f"none for {', '.join(lacking)}" if lacking else "named", advice)


def _pull(tried: Probed | None) -> Check:
    if tried is None:
        return Check("image pull", False, "not tried", "mend what is missing above first")
    said = tried.why or f"the compiler's image runs on {tried.node}"
    advice = "push the image, and let the nodes read the registry (docs/eks.md)"
    return Check("image pull", not tried.why, said, advice)


def _driver(tried: Probed | None) -> Check:
    versions = tried.versions if tried is not None else {}
    runtime, driver = versions.get("neuron-runtime"), versions.get("neuron-driver")
    if not driver or not runtime:
        said = f"runtime {runtime or 'unknown'}, driver {driver or 'unknown'}"
        return Check("driver", False, said, "use the accelerated AMI, which has the Neuron driver")
    why = versions.get("mismatch")
    said = why or f"runtime {runtime}, driver {driver}"
    return Check("driver", not why, said, "take the AMI of the images' SDK release (docs/eks.md)")


def _ordinary(nodes: tuple[Object, ...]) -> Check:
    free = [_kind(node) for node in nodes if _takes_anything(node)]
    advice = "add an ordinary node: the operator and the twins for the CPU run there"
    return Check("ordinary node", bool(free), ", ".join(free) or "each node repels pods", advice)


def _storage(found: Found) -> Check:
    storage = found.settings.get("storage", {})
    if storage.get("claimName"):
        return Check("shared volume", True, f"the claim {storage['claimName']} of each namespace")
    names = {each["metadata"]["name"]: each for each in found.classes}
    standard = [
        name
        for name, each in names.items()
        if each["metadata"].get("annotations", {}).get("storageclass.kubernetes.io/is-default-class")
        == "true"
    ]
    name = storage.get("storageClassName") or next(iter(standard), "")
    said = f"{name} ({names[name]['provisioner']})" if name in names else f"no class {name or 'by default'}"
    return Check("shared volume", name in names, said, "set storage.efs in the chart's values")


def _metrics(found: Found) -> Check:
    said = "answers" if found.has_metrics else "does not answer"
    return Check("metrics API", found.has_metrics, said, "install metrics-server; autoscaling needs it")


def _families(targets: set[str]) -> list[str]:
    return sorted({"neuron" if target == "inf1" else "neuronx" for target in targets})


def _with_cores(nodes: tuple[Object, ...]) -> list[Object]:
    return [node for node in nodes if _amount(node, CORES) or _amount(node, DEVICES)]


def _repels_others(node: Object) -> bool:
    """Whether the node is not ready, or kept for something else than Neuron."""
    taints = [each for each in node.get("spec", {}).get("taints", []) if each["key"] != DEVICES]
    return not _takes_anything({**node, "spec": {**node.get("spec", {}), "taints": taints}})


def _takes_anything(node: Object) -> bool:
    ready = any(
        each["type"] == "Ready" and each["status"] == "True"
        for each in node.get("status", {}).get("conditions", [])
    )
    spec = node.get("spec", {})
    repels = any(taint.get("effect") in _REPELLING for taint in spec.get("taints", []))
    return ready and not repels and not spec.get("unschedulable", False)


def _allocatable(node: Object) -> dict[str, str]:
    found: dict[str, str] = node.get("status", {}).get("allocatable", {})
    return found


def _amount(node: Object, resource: str) -> int:
    return int(_allocatable(node).get(resource, 0))


def _kind(node: Object) -> str:
    """The instance's type; names of nodes are nobody's business."""
    return str(node["metadata"].get("labels", {}).get("node.kubernetes.io/instance-type", "a node"))


def _gibibytes(quantity: str) -> float:
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    unit = next((each for each in units if quantity.endswith(each)), "")
    number = quantity.removesuffix(unit)
    return float(number) * units.get(unit, 1) / 2**30
