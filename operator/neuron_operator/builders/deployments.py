"""The Deployment that serves an artifact."""

from collections.abc import Mapping

from neuron_contract import variables

from neuron_operator.api.model import NeuronModel, Serving
from neuron_operator.api.settings import Settings
from neuron_operator.builders import patches, pods
from neuron_operator.builders.fallback import placement_for, resources_for
from neuron_operator.builders.metadata import controller_reference, whole_object
from neuron_operator.builders.resources import container_resources, of_a_server, scratch_limit
from neuron_operator.builders.templates import Served, marked, remembered, restarted
from neuron_operator.builders.weights import with_weights
from neuron_operator.reading.objects import Object
from neuron_operator.terms import labels
from neuron_operator.terms.kinds import AUTOSCALER, DEPLOYMENT, NEURON_MODEL
from neuron_operator.terms.targets import family_of, is_accelerated

HTTP_PORT = 8000
GRPC_PORT = 8001
METRICS_PORT = 8002
# A listener of its own, which answers whatever clients do to the others.
PROBE_PORT = 8003

_NODE_AND_IMAGE_SECONDS = 900
_START_SECONDS = 900
_START_PERIOD_SECONDS = 2
_SLOW_BYTES_PER_SECOND = 10_000_000
_DRAIN_SECONDS = 60
_OVER_NODES = {
    "maxSkew": 1,
    "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "ScheduleAnyway",
}
_NONE = (0, "0%", "00%", "000%")
_LEAVE_ENDPOINTS_SECONDS = 5


def deployment(
    model: NeuronModel,
    served: Served,
    settings: Settings,
    template: Object | None = None,
    restart: str = "",
    notes: Mapping[str, str] | None = None,
    moved: str = "",
) -> Object:
    """The server's Deployment, with that template of its pods, or with one that is built now.

    `restart`, `moved`: annotations of the pods that have them replaced; `notes`: further annotations of the
    Deployment; `spec.replicas` is left out where somebody else decides on it.
    """
    template = template or _template(model, served, settings)
    replicas = {} if model.replicas is None else {"replicas": model.replicas}
    return whole_object(
        DEPLOYMENT,
        name=model.name,
        namespace=model.namespace,
        labels_=labels.of_model(model.name) | {labels.ARTIFACT: served.name, labels.DIGEST: served.digest},
        owner=controller_reference(NEURON_MODEL, model.name, model.uid),
        annotations={
            labels.REPLICAS_OWNER: AUTOSCALER.name if model.replicas is None else NEURON_MODEL.name,
            **remembered(model, served, template),
            **(notes or {}),
        },
        content={
            "spec": {
                **replicas,
                "selector": {"matchLabels": labels.server_selector(model.name)},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": _rolling_update(model, served.target)},
                "progressDeadlineSeconds": _progress_deadline(model, served.bytes),
                "revisionHistoryLimit": 2,
                "template": restarted(template, restart, moved),
            }
        },
    )


def trespass(model: NeuronModel, served: Served, settings: Settings) -> str | None:
    """Why the patch of spec.serving.podTemplate can't be used; None where it can."""
    field, patch = "spec.serving.podTemplate", model.serving.pod_template
    large = patches.too_large(field, patch)
    if large is not None:
        return large
    if not patch:
        return None
    path = patches.trespass(_built_template(model, served, settings), patch)
    return None if path is None else patches.refusal(field, path)


def _progress_deadline(model: NeuronModel, size: int) -> int:
    """Seconds that the servers may take: for a node and the image, and then to start."""
    return model.rollout.progress_deadline_seconds or _NODE_AND_IMAGE_SECONDS + _start_seconds(size)


def _rolling_update(model: NeuronModel, target: str) -> Object:
    """How pods are replaced, as the model says; of what it leaves out, the default.

    The API server takes no rollout in which neither is allowed.
    """
    asked, default = model.rollout, _default_update(model, target)
    surge = default["maxSurge"] if asked.max_surge is None else asked.max_surge
    unavailable = default["maxUnavailable"] if asked.max_unavailable is None else asked.max_unavailable
    if surge in _NONE and unavailable in _NONE:
        if asked.max_surge is None:
            surge = 1
        else:
            unavailable = 1
    return {"maxSurge": surge, "maxUnavailable": unavailable}


def _default_update(model: NeuronModel, target: str) -> Object:
    """How pods are replaced.

    On the CPU a new pod is always Ready before an old one leaves. Accelerator nodes are often full: a new pod
    would wait for ever for a core that only an old pod can free. So with two replicas or more one old pod
    leaves first. Where there may be a single one, percentages keep both promises: half of one rounds down to
    none (the only pod stays until its successor is Ready), half of two or three rounds down to one.
    """
    if not is_accelerated(target):
        return {"maxSurge": 1, "maxUnavailable": 0}
    scaler = model.autoscaling.autoscaler
    least = scaler.min_replicas if scaler is not None else (model.replicas or 0)
    if least >= 2:
        return {"maxSurge": 0, "maxUnavailable": 1}
    return {"maxSurge": 1, "maxUnavailable": "50%"}


def _template(model: NeuronModel, served: Served, settings: Settings) -> Object:
    built = _built_template(model, served, settings)
    return marked(patches.patched(built, model.serving.pod_template))


def _built_template(model: NeuronModel, served: Served, settings: Settings) -> Object:
    container = _container(model, served, settings)
    return {
        "metadata": {
            "labels": labels.of_model(model.name)
            | {labels.ARTIFACT: served.name, labels.DIGEST: served.digest}
        },
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": _DRAIN_SECONDS,
            "securityContext": pods.pod_security(),
            **pods.placement_fields(
                placement_for(model, served.target),
                settings.placement.get(served.target),
                settings.architectures.get(family_of(served.target), ""),
            ),
            **_spread(model),
            **pods.pull_secrets(settings),
            "containers": [container],
            "volumes": [
                pods.claim_volume(pods.STORE_VOLUME, served.claim, read_only=True),
                pods.scratch_volume(size=scratch_limit(container["resources"])),
                {"name": "shm", "emptyDir": {"medium": "Memory"}},
            ],
        },
    }


def _spread(model: NeuronModel) -> Object:
    """Servers go to different nodes where they can, unless the model says how they are spread."""
    asked = model.serving.topology_spread_constraints or (_OVER_NODES,)
    selects = {"labelSelector": {"matchLabels": labels.server_selector(model.name)}}
    return {"topologySpreadConstraints": [{**selects, **constraint} for constraint in asked]}


def _container(model: NeuronModel, served: Served, settings: Settings) -> Object:
    ready = f"/v2/models/{model.name}/ready"
    part = pods.published_part(model.namespace, served.manifest_sha256)
    return {
        "name": labels.SERVER,
        "image": served.image,
        "imagePullPolicy": settings.pull_policy,
        "terminationMessagePolicy": "File",
        "securityContext": pods.container_security(),
        "env": _env(model, served),
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"},
            {"name": "grpc", "containerPort": GRPC_PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
            {"name": "probes", "containerPort": PROBE_PORT, "protocol": "TCP"},
        ],
        "resources": container_resources(
            resources_for(model, model.serving.resources, served.target),
            with_weights(
                of_a_server(
                    settings.server_resources.get(family_of(served.target)),
                    served.bytes,
                    model.serving.cores if is_accelerated(served.target) else 1,
                ),
                model,
                served,
            ),
            target=served.target,
            cores=model.serving.cores,
            accelerator=settings.accelerator,
        ),
        # Liveness waits for it.
        "startupProbe": _probe(
            ready,
            period=_START_PERIOD_SECONDS,
            failures=-(-_start_seconds(served.bytes) // _START_PERIOD_SECONDS),
        ),
        "readinessProbe": _probe(ready, period=2, failures=3),
        "livenessProbe": _probe("/v2/health/live", period=10, failures=6),
        # Endpoints learn of a leaving pod a moment late: serve on until they have.
        "lifecycle": {"preStop": {"sleep": {"seconds": _LEAVE_ENDPOINTS_SECONDS}}},
        "volumeMounts": [
            pods.mount(pods.STORE_VOLUME, pods.STORE_PATH, read_only=True, part=part),
            pods.mount(pods.SCRATCH_VOLUME, "/tmp"),
            pods.mount("shm", "/dev/shm"),
        ],
    }


def _env(model: NeuronModel, served: Served) -> list[Object]:
    own = pods.env(
        {
            "MODEL_NAME": model.name,
            "ARTIFACT_DIGEST": served.digest,
            "STORE_PATH": pods.STORE_PATH,
            "TARGET": served.target,
            "SERVING_CORES": str(model.serving.cores if is_accelerated(served.target) else 1),
            "HOME": "/tmp",
            **({variables.MANIFEST_SHA256: served.manifest_sha256} if served.manifest_sha256 else {}),
            **_asked(model.serving),
        }
    )
    own += [_cpu("CPU_LIMIT", "limits.cpu"), _cpu("CPU_REQUEST", "requests.cpu")]
    taken = {variable["name"] for variable in own}
    return own + [dict(variable) for variable in model.serving.env if variable["name"] not in taken]


def _asked(serving: Serving) -> dict[str, str]:
    """What a server is told only where it is asked for."""
    numbers = {"BATCH_ROWS": serving.batching.rows, "BATCH_DELAY": serving.batching.delay_milliseconds}
    given = {name: str(number) for name, number in numbers.items() if number is not None}
    copy = {"LOCAL_COPY": "true"} if serving.local_copy else {}
    return given | copy | ({"REQUEST_LOG": "true"} if serving.request_log else {})


def _cpu(name: str, resource: str) -> Object:
    """A CPU quantity of the container itself, in millicores."""
    field = {"containerName": labels.SERVER, "resource": resource, "divisor": "1m"}
    return {"name": name, "valueFrom": {"resourceFieldRef": field}}


def _start_seconds(size: int) -> int:
    """How long a server of so many bytes may take to start, once its container runs.

    A large model comes from a network file system, which may have spent its bursts.
    """
    return max(_START_SECONDS, size // _SLOW_BYTES_PER_SECOND)


def _probe(path: str, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": PROBE_PORT},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
