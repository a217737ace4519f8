"""What kopf calls: indexes and events of everything watched. Run as `kopf run -m neuron_operator.handlers`.

Handlers only say what has changed; all work is done by the queue's workers. So kopf stores nothing in the
objects: no finalizers, no annotations, and the operator may be killed at any moment.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kopf

from neuron_operator.api.settings import DEFAULT_PATH, PATH_VARIABLE, SettingsError, load_settings
from neuron_operator.reading.nodes import Offer
from neuron_operator.reading.objects import Object
from neuron_operator.runtime import Operator
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import (
    AUTOSCALER,
    CLAIM,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    NEURON_ARTIFACT,
    NEURON_MODEL,
    POD,
    SERVICE,
    Kind,
)
from neuron_operator.world import indexes, metrics
from neuron_operator.world.kube import Cluster, connect

Body = Mapping[str, Any]

# Ten times the longest that one request may take.
_STUCK_SECONDS = 300.0

try:
    SETTINGS = load_settings(Path(os.environ.get(PATH_VARIABLE, DEFAULT_PATH)))
except SettingsError as error:
    raise SystemExit(f"neuron-operator: {error}") from error


def _selector(kind: Kind) -> tuple[str, str, str]:
    return kind.group, kind.version, kind.plural


def _is_gone(event: kopf.RawEvent, memo: kopf.Memo) -> bool:
    """What has happened to an object; one that was listed and not watched tells of a gap."""
    if event["type"] is None:
        memo.operator.listed_anew()
    return event["type"] == "DELETED"


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **known: Any) -> None:
    """Configure kopf, connect, and start the workers."""
    settings.scanning.disabled = True
    settings.posting.enabled = False
    for kind in (POD, JOB, DEPLOYMENT, SERVICE, AUTOSCALER, DISRUPTION_BUDGET, CLAIM):
        settings.watching.label_selectors[_selector(kind)] = labels.CHILD_SELECTOR
    # kopf says of every event that its handler succeeded, and of every probe that it came.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    metrics.serve()
    api = await connect()
    for kind in (NEURON_MODEL, NEURON_ARTIFACT):
        if not await Cluster(api).serves(kind):
            await api.close()
            raise kopf.PermanentError(
                f"the cluster does not know {kind.plural}.{kind.group}: install the chart's CRDs first"
            )
    memo.operator = Operator(
        SETTINGS,
        indexes.Indexes(
            models=known["models"],
            artifacts=known["artifacts"],
            users=known["users"],
            jobs=known["jobs"],
            pods=known["pods"],
            deployments=known["deployments"],
            services=known["services"],
            autoscalers=known["autoscalers"],
            disruption_budgets=known["disruption_budgets"],
            claims=known["claims"],
            offers=known.get("offers", {}),
        ),
        api,
    )


@kopf.on.probe(id="stuckSeconds")
async def probe(memo: kopf.Memo, **_: Any) -> float:
    """How long work has stood still; an operator in which it does for long is not alive."""
    stuck: float = memo.operator.stuck_seconds() if "operator" in memo else 0.0
    if stuck > _STUCK_SECONDS:
        raise kopf.PermanentError(f"no reconcile has begun or ended for {stuck:.0f} s")
    return stuck


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Stop the workers."""
    if "operator" in memo:
        await memo.operator.close()


@kopf.index(*_selector(NEURON_MODEL), id="models")
async def index_models(body: Body, **_: Any) -> dict[indexes.Name, Object]:
    """NeuronModels by name."""
    return indexes.by_name(NEURON_MODEL, body)


@kopf.index(*_selector(NEURON_MODEL), id="users")
async def index_users(body: Body, **_: Any) -> dict[indexes.Name, indexes.User]:
    """NeuronModels by the artifacts they use."""
    return indexes.users_by_artifact(body, SETTINGS)


@kopf.index(*_selector(NEURON_ARTIFACT), id="artifacts")
async def index_artifacts(body: Body, **_: Any) -> dict[indexes.Name, Object]:
    """NeuronArtifacts by name."""
    return indexes.by_name(NEURON_ARTIFACT, body)


@kopf.index(*_selector(JOB), id="jobs")
async def index_jobs(body: Body, **_: Any) -> dict[indexes.Name, Object]:
    """Jobs by name."""
    return indexes.by_name(JOB, body)


@kopf.index(*_selector(POD), id="pods")
async def index_pods(body: Body, **_: Any) -> dict[indexes.PodKey, Object]:
    """Pods by parent."""
    return indexes.pods_by_parent(body)


@kopf.index(*_selector(DEPLOYMENT), id="deployments")
async def index_deployments(body: Body, **_: Any) -> dict[indexes.Name, Object]:
    """Deployments by name."""
    return indexes.by_name(DEPLOYMENT, body)


@kopf.index(*_selector(SERVICE), id="services")
async def index_services(body: Body, **_: Any) -> dict[indexes.Name, Object]:
    """Services by name."""
    return indexes.by_name(SERVICE, body)


@kopf.index(*_selector(AUTOSCALER), id="autoscalers")
async def index_autoscalers(body: Body, **_: Any) -> dict[indexes.Name, Object]:
    """HorizontalPodAutoscalers by name."""
    return indexes.by_name(AUTOSCALER, body)


@kopf.index(*_selector(DISRUPTION_BUDGET), id="disruption_budgets")
async def index_disruption_budgets(body: Body, **_: Any) -> dict[indexes.Name, Object]:
    """PodDisruptionBudgets by name."""
    return indexes.by_name(DISRUPTION_BUDGET, body)


@kopf.index(*_selector(CLAIM), id="claims")
async def index_claims(body: Body, **_: Any) -> dict[indexes.Name, Object]:
    """PersistentVolumeClaims by name."""
    return indexes.by_name(CLAIM, body)


@kopf.on.event(*_selector(NEURON_MODEL))
async def model_changed(body: Body, event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """A NeuronModel has changed."""
    memo.operator.model_changed(body, gone=_is_gone(event, memo))


@kopf.on.event(*_selector(NEURON_ARTIFACT))
async def artifact_changed(body: Body, event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """A NeuronArtifact has changed."""
    memo.operator.artifact_changed(body, gone=_is_gone(event, memo))


@kopf.on.event(*_selector(POD))
async def pod_changed(body: Body, event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """A pod of a Job or of a Deployment has changed."""
    memo.operator.pod_changed(body, gone=_is_gone(event, memo))


@kopf.on.event(*_selector(JOB))
@kopf.on.event(*_selector(DEPLOYMENT))
@kopf.on.event(*_selector(SERVICE))
@kopf.on.event(*_selector(AUTOSCALER))
@kopf.on.event(*_selector(DISRUPTION_BUDGET))
async def child_changed(body: Body, event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
    """Something the operator has made has changed."""
    memo.operator.child_changed(body, gone=_is_gone(event, memo))


if SETTINGS.fallback_allowed:

    @kopf.index("", "v1", "nodes", id="offers")
    async def index_offers(body: Body, **_: Any) -> dict[str, Offer]:
        """What nodes offer, by their names."""
        return indexes.offers_by_node(body)

    @kopf.on.event("", "v1", "nodes")
    async def node_changed(memo: kopf.Memo, **_: Any) -> None:
        """A node has changed."""
        memo.operator.node_changed()
