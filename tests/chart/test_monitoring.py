"""What the chart brings for the Prometheus operator and for Grafana."""

import json
from collections.abc import Iterator

import pytest
import yaml
from chart.helm import NAMESPACE, Helm, Object, Refused, of_kind, sets, the
from neuron_operator.builders.deployments import deployment
from neuron_operator.builders.templates import Served
from support.gomodule import Module
from support.kube import Kube
from support.kube import Refused as RefusedByServer
from support.monitoring import DASHBOARDS, RULES, alerts
from unit.operator.worlds import SETTINGS, model

PROMETHEUS_OPERATOR = Module(
    "github.com/prometheus-operator/prometheus-operator",
    "v0.80.1",
    "6ac7aaf736b5599a273bc5c93a8801f11df03c981cc71d25ec131dfe8ecf625c",
)
KINDS = {"serviceMonitor": "ServiceMonitor", "podMonitor": "PodMonitor", "rules": "PrometheusRule"}
SERVED = [
    argument for kind in KINDS.values() for argument in ("--api-versions", f"monitoring.coreos.com/v1/{kind}")
]
SERVED_ARTIFACT = Served("gpt2-0", "0" * 32, "cpu", "artifacts", "example.org/triton:1", None, 0)
ALL = sets(*(f"monitoring.{value}.create=true" for value in (*KINDS, "dashboard")))


def test_nothing_of_it_is_there_unless_it_is_asked_for(helm: Helm) -> None:
    kinds = {found["kind"] for found in helm.template(*SERVED)}
    assert not kinds & set(KINDS.values())


@pytest.mark.parametrize(("value", "kind"), KINDS.items())
def test_what_the_cluster_has_no_kind_for_is_refused_with_what_to_do(
    helm: Helm, value: str, kind: str
) -> None:
    with pytest.raises(Refused) as refusal:
        helm.template("--set", f"monitoring.{value}.create=true")
    assert f"monitoring.{value}.create needs the Prometheus operator" in str(refusal.value)
    assert f"--api-versions monitoring.coreos.com/v1/{kind}" in str(refusal.value)


def test_dashboards_need_no_prometheus_operator(helm: Helm) -> None:
    assert len(dashboards(helm.template("--set", "monitoring.dashboard.create=true"))) == 3


def test_a_service_monitor_needs_the_service(helm: Helm) -> None:
    with pytest.raises(Refused) as refusal:
        helm.template(*ALL, *SERVED, "--set", "metrics.service.create=false")
    assert "monitoring.serviceMonitor.create needs metrics.service.create" in str(refusal.value)


def test_the_service_monitor_finds_the_metrics_service_and_keeps_the_models_namespace(helm: Helm) -> None:
    objects = helm.template(*ALL, *SERVED)
    service, monitor = the(objects, "Service"), the(objects, "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    (endpoint,) = monitor["spec"]["endpoints"]
    assert wanted <= service["metadata"]["labels"].items()
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert endpoint["honorLabels"] is True


def test_the_pod_monitor_looks_where_the_operator_does(helm: Helm) -> None:
    def namespaces(*change: str) -> Object:
        monitor = the(helm.template(*ALL, *SERVED, *change), "PodMonitor")
        return dict(monitor["spec"]["namespaceSelector"])

    assert namespaces() == {"any": True}
    assert namespaces("--set", "watchNamespaces={team-a,team-b}") == {"matchNames": ["team-a", "team-b"]}


def test_the_pod_monitor_finds_what_the_operator_builds(helm: Helm) -> None:
    spec = the(helm.template(*ALL, *SERVED), "PodMonitor")["spec"]
    template = deployment(model(), SERVED_ARTIFACT, SETTINGS)["spec"]["template"]
    (endpoint,) = spec["podMetricsEndpoints"]
    assert spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert endpoint["port"] in [port["name"] for port in template["spec"]["containers"][0]["ports"]]


def test_prometheus_selects_by_the_labels_that_were_asked_for(helm: Helm) -> None:
    objects = helm.template(*ALL, *SERVED, "--set", "monitoring.labels.release=kps")
    for kind in KINDS.values():
        assert the(objects, kind)["metadata"]["labels"]["release"] == "kps"


def test_the_rule_is_the_file_with_a_page_for_each_alert(helm: Helm) -> None:
    page = "https://example.com/runbooks"
    rule = the(helm.template(*ALL, *SERVED, "--set", f"monitoring.rules.runbooks={page}"), "PrometheusRule")
    pages = {}
    for group in rule["spec"]["groups"]:
        for each in group["rules"]:
            if "alert" in each:
                pages[each["alert"]] = each["annotations"].pop("runbook_url")
    assert pages == {name: f"{page}#{name.lower()}" for name in alerts()}
    assert rule["spec"] == yaml.safe_load(RULES.read_text())


def dashboards(objects: list[Object]) -> dict[str, Object]:
    """The dashboards in ConfigMaps that Grafana's sidecar finds, by the names of their files."""
    return {
        name: json.loads(text)
        for found in of_kind(objects, "ConfigMap")
        if found["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in found["data"].items()
    }


def test_a_dashboard_has_every_panel_of_its_description_each_in_a_place_of_its_own(helm: Helm) -> None:
    described = yaml.safe_load(DASHBOARDS.read_text())
    made = dashboards(helm.template("--set", "monitoring.dashboard.create=true"))
    assert set(made) == {f"neuron-operator-{name}.json" for name in described}
    for name, board in described.items():
        panels = made[f"neuron-operator-{name}.json"]["panels"]
        places = {tuple(panel["gridPos"][side] for side in ("x", "y", "w", "h")) for panel in panels}
        assert [panel["title"] for panel in panels] == [panel["title"] for panel in board["panels"]]
        assert len(places) == len({panel["id"] for panel in panels}) == len(panels)
        for panel, said in zip(panels, board["panels"], strict=True):
            asked = {target["legendFormat"]: target["expr"] for target in panel["targets"]}
            assert asked == {legend: query.strip() for legend, query in said["queries"].items()}
            assert len({target["refId"] for target in panel["targets"]}) == len(asked)


def test_the_variables_of_a_dashboard_are_those_that_its_queries_use(helm: Helm) -> None:
    for board in dashboards(helm.template("--set", "monitoring.dashboard.create=true")).values():
        text = json.dumps(board["panels"]).replace("{", "")
        declared = {variable["name"] for variable in board["templating"]["list"]}
        used = {
            name
            for name in ("datasource", "namespace", "model")
            if f"${name}" in text or f"${{{name}" in text
        }
        assert declared == used


@pytest.fixture
def prometheus_operator(kube: Kube) -> Iterator[Kube]:
    """The cluster with the Prometheus operator's definitions in it, for as long as a test."""
    folder = "example/prometheus-operator-crd/monitoring.coreos.com_"
    crds = [
        yaml.safe_load(PROMETHEUS_OPERATOR.file(f"{folder}{kind.lower()}s.yaml")) for kind in KINDS.values()
    ]
    names = [f"crd/{crd['metadata']['name']}" for crd in crds]
    kube.apply(*crds)
    try:
        kube.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
        with kube.temporary_namespace(NAMESPACE):
            yield kube
    finally:
        kube.kubectl("delete", *names, "--ignore-not-found")


def test_the_prometheus_operators_own_definitions_admit_it_and_no_other_field(
    prometheus_operator: Kube, helm: Helm
) -> None:
    def dry_run(*objects: Object) -> None:
        arguments = ("create", "--dry-run=server", "--validate=strict", "--namespace", NAMESPACE, "-f", "-")
        prometheus_operator.kubectl(*arguments, stdin=yaml.safe_dump_all(objects))

    objects = helm.template(*ALL, *SERVED)
    dry_run(*(the(objects, kind) for kind in KINDS.values()))
    dry_run(*(found for found in of_kind(objects, "ConfigMap") if "dashboard" in found["metadata"]["name"]))
    monitor = the(objects, "PodMonitor")
    monitor["spec"]["podMetricsEndpoints"][0]["honourLabels"] = True
    with pytest.raises(RefusedByServer, match="honourLabels"):
        dry_run(monitor)
