"""The Jobs of an artifact: compile, verify on the accelerator, and removal of its files."""

from collections.abc import Sequence
from dataclasses import replace

from neuron_contract import exits, steps, variables

from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.settings import Settings
from neuron_operator.api.spec import Placement
from neuron_operator.builders import patches, pods
from neuron_operator.builders.metadata import controller_reference, whole_object
from neuron_operator.builders.requests import environment
from neuron_operator.builders.resources import (
    EPHEMERAL,
    container_resources,
    devices_only,
    of_a_server,
    scratch_limit,
    without_devices,
)
from neuron_operator.reading.objects import Object
from neuron_operator.reading.quantities import parse
from neuron_operator.terms import labels, names
from neuron_operator.terms.kinds import JOB, NEURON_ARTIFACT
from neuron_operator.terms.targets import CPU, family_of, is_accelerated

_KEPT_AFTER_FINISH_SECONDS = 3600
_COLLECT_TIMEOUT_SECONDS = 600
_SCRUB_TIMEOUT_SECONDS = 86400
_COLLECT_RESOURCES = {
    "requests": {"cpu": "10m", "memory": "64Mi", EPHEMERAL: "0"},
    "limits": {"memory": "256Mi", EPHEMERAL: "1Gi"},
}


def compile_job(artifact: NeuronArtifact, settings: Settings, memory: str | None = None) -> Object:
    """The Job that compiles, checks, measures and publishes the artifact.

    `memory`: a limit in place of the one that spec and settings give; the request is raised with it.
    """
    return _working_job(artifact, settings, labels.COMPILE, names.compile_job_name(artifact.name), memory)


def verify_job(artifact: NeuronArtifact, settings: Settings) -> Object:
    """The Job that checks and measures, on the accelerator, what was compiled elsewhere."""
    return _working_job(artifact, settings, labels.VERIFY, names.verify_job_name(artifact.name), None)


def compile_memory(artifact: NeuronArtifact, settings: Settings) -> str | None:
    """The compile pod's memory limit by spec and settings, None where neither gives one."""
    limits = _compile_resources(artifact, settings, None).get("limits") or {}
    memory: str | None = limits.get("memory")
    return memory


def _working_job(
    artifact: NeuronArtifact, settings: Settings, component: str, name: str, memory: str | None
) -> Object:
    """A Job without a deadline, which would count the wait for a node: its steps keep their own time.

    A pod lost with its node is tried again without being counted; exit statuses that would repeat fail the
    Job at once. Two pods never work at the same time (podReplacementPolicy).
    """
    compile_ = artifact.compile
    return whole_object(
        JOB,
        name=name,
        namespace=artifact.namespace,
        labels_=labels.of_artifact(artifact.name, artifact.digest, component),
        owner=controller_reference(NEURON_ARTIFACT, artifact.name, artifact.uid),
        content={
            "spec": {
                "backoffLimit": compile_.retries,
                "ttlSecondsAfterFinished": _KEPT_AFTER_FINISH_SECONDS,
                "podReplacementPolicy": "Failed",
                "podFailurePolicy": {
                    "rules": [
                        {
                            "action": "Ignore",
                            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                        },
                        {
                            "action": "FailJob",
                            # Of whichever container: the first that fails ends the pod.
                            "onExitCodes": {
                                "operator": "In",
                                "values": [exits.FAILED, exits.KILLED],
                            },
                        },
                    ]
                },
                "template": _template(
                    artifact, settings, component, _working_containers(artifact, settings, component, memory)
                ),
            }
        },
    )


def collect_job(artifact: NeuronArtifact, settings: Settings) -> Object:
    """The Job that removes the artifact's files from the store."""
    once_published = "completedAt" in artifact.status
    part = (
        pods.published_part(artifact.namespace, artifact.manifest_sha256)
        if once_published
        else artifact.namespace
    )
    container = {
        **_container(artifact, settings, labels.COLLECT),
        "env": pods.env({"STORE_PATH": pods.STORE_PATH, "DIGEST": artifact.digest, "HOME": "/tmp"}),
        "resources": _COLLECT_RESOURCES,
        "volumeMounts": [
            pods.mount(pods.STORE_VOLUME, pods.STORE_PATH, part=part),
            pods.mount(pods.SCRATCH_VOLUME, "/tmp"),
        ],
    }
    return whole_object(
        JOB,
        name=names.collect_job_name(artifact.name),
        namespace=artifact.namespace,
        labels_=labels.of_artifact(artifact.name, artifact.digest, labels.COLLECT),
        owner=controller_reference(NEURON_ARTIFACT, artifact.name, artifact.uid),
        content={
            "spec": {
                "backoffLimit": 3,
                "activeDeadlineSeconds": _COLLECT_TIMEOUT_SECONDS,
                "template": _template(artifact, settings, labels.COLLECT, [container]),
            }
        },
    )


def scrub_job(artifact: NeuronArtifact, settings: Settings) -> Object:
    """The Job that looks whether the artifact's files are those that were published, and changes nothing."""
    told = {
        variables.STORE_PATH: pods.STORE_PATH,
        variables.DIGEST: artifact.digest,
        variables.MANIFEST_SHA256: artifact.manifest_sha256 or "",
        "HOME": "/tmp",
    }
    container = {
        **_container(artifact, settings, labels.SCRUB),
        "env": pods.env(told),
        "resources": _COLLECT_RESOURCES,
        "volumeMounts": [
            pods.mount(pods.STORE_VOLUME, pods.STORE_PATH, read_only=True, part=artifact.namespace),
            pods.mount(pods.SCRATCH_VOLUME, "/tmp"),
        ],
    }
    return whole_object(
        JOB,
        name=names.scrub_job_name(artifact.name),
        namespace=artifact.namespace,
        labels_=labels.of_artifact(artifact.name, artifact.digest, labels.SCRUB),
        owner=controller_reference(NEURON_ARTIFACT, artifact.name, artifact.uid),
        content={
            "spec": {
                "backoffLimit": 0,
                "activeDeadlineSeconds": _SCRUB_TIMEOUT_SECONDS,
                "ttlSecondsAfterFinished": _KEPT_AFTER_FINISH_SECONDS,
                "template": _template(artifact, settings, labels.SCRUB, [container]),
            }
        },
    )


def _working_containers(
    artifact: NeuronArtifact, settings: Settings, component: str, memory: str | None
) -> list[Object]:
    """The containers in their order: all but the last are init containers, so that each waits for the one
    before. They ask for the same processors and memory, and only the one at work for devices.
    """
    names_: tuple[str, ...]
    if component == labels.COMPILE:
        names_, resources = steps.OF_COMPILING, _compile_resources(artifact, settings, memory)
    else:
        names_, resources = steps.OF_VERIFYING, _verify_resources(artifact, settings)
    return [
        {
            **_container(artifact, settings, step),
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "env": environment(artifact, settings, step),
            "resources": resources if step == component else _without_extended(resources),
            "volumeMounts": _mounts(artifact, settings, step),
        }
        for step in names_
    ]


def _mounts(artifact: NeuronArtifact, settings: Settings, step: str) -> list[Object]:
    """What each container sees. Scratch is each one's own: what one leaves there must not steer the next."""
    store = pods.mount(
        pods.STORE_VOLUME, pods.STORE_PATH, read_only=step == steps.VERIFY, part=artifact.namespace
    )
    work = pods.mount(pods.STORE_VOLUME, pods.WORK_PATH, part=f"{artifact.namespace}/.work/{artifact.digest}")
    model = pods.mount(pods.MODEL_VOLUME, pods.MODEL_PATH, read_only=step != steps.FETCH)
    report = pods.mount(pods.REPORT_VOLUME, pods.REPORT_PATH, read_only=step != steps.VERIFY)
    mounts = {
        steps.FETCH: [store, model],
        steps.COMPILE: [work, model],
        steps.PUBLISH: [store, model],
        steps.VERIFY: [store, report],
        steps.RECORD: [store, report],
    }[step]
    if artifact.source.claim is not None and step in (steps.FETCH, steps.COMPILE):
        mounts.append(pods.mount(pods.SOURCE_VOLUME, pods.SOURCE_PATH, read_only=True))
    if step == steps.COMPILE and artifact.compile.parity.examples_from is not None:
        mounts.append(pods.mount(pods.EXAMPLES_VOLUME, pods.EXAMPLES_PATH, read_only=True))
    if step == steps.FETCH and settings.ca_bundle.config_map:
        mounts.append(pods.mount(pods.CA_VOLUME, pods.CA_PATH, read_only=True))
    return [*mounts, pods.mount(pods.SCRATCH_VOLUME, "/tmp", part=step)]


def _without_extended(resources: Object) -> Object:
    """The resources without devices, which have a `/` in their names."""
    parts = {
        name: {key: value for key, value in quantities.items() if "/" not in key}
        for name, quantities in resources.items()
    }
    return {name: quantities for name, quantities in parts.items() if quantities}


def _compile_resources(artifact: NeuronArtifact, settings: Settings, memory: str | None) -> Object:
    """`resources`; where a memory limit is given, the request keeps its share of the limit."""
    own, elsewhere = artifact.compile.resources, _compiles_elsewhere(artifact)
    found = container_resources(
        without_devices(own) if elsewhere else own,
        settings.compile_resources.get(family_of(artifact.target)),
        target=CPU if elsewhere else artifact.target,
        cores=_cores(artifact),
        accelerator=settings.accelerator,
    )
    if memory is None:
        return found
    limits, requests = found.get("limits") or {}, found.get("requests") or {}
    if "memory" in requests and "memory" in limits:
        share = parse(requests["memory"]) / parse(limits["memory"])
        requests = {**requests, "memory": str(int(parse(memory) * share))}
    parts = {"requests": requests, "limits": {**limits, "memory": memory}}
    return {name: quantities for name, quantities in parts.items() if quantities}


def _verify_resources(artifact: NeuronArtifact, settings: Settings) -> Object:
    """Verifying runs the model as a server does, on the devices that the spec names for compiling."""
    return container_resources(
        devices_only(artifact.compile.resources),
        of_a_server(
            settings.server_resources.get(family_of(artifact.target)), artifact.size_bytes, _cores(artifact)
        ),
        target=artifact.target,
        cores=_cores(artifact),
        accelerator=settings.accelerator,
    )


def _cores(artifact: NeuronArtifact) -> int:
    return artifact.compile.neuron.pipeline_cores or 1


def _compiles_elsewhere(artifact: NeuronArtifact) -> bool:
    """Whether the compile pod runs on an ordinary node, though the target is an accelerator."""
    return artifact.compile.runs_on == "CPU" and is_accelerated(artifact.target)


def _placement(artifact: NeuronArtifact, settings: Settings, component: str) -> Object:
    """The compile pod's own nodes and tolerations; all else as for the artifact's other pods."""
    own, compile_ = artifact.placement, artifact.compile
    default = settings.placement.get(artifact.target)
    if component == labels.SCRUB and is_accelerated(artifact.target):
        # No node with an accelerator is started for it.
        own, default = Placement(), settings.placement.get(CPU)
    elif component == labels.COMPILE and _compiles_elsewhere(artifact):
        own = Placement(
            node_selector=compile_.node_selector,
            tolerations=compile_.tolerations,
            service_account_name=own.service_account_name,
            priority_class_name=own.priority_class_name,
        )
        default = settings.placement.get(CPU)
    elif component == labels.COMPILE:
        own = replace(
            own,
            node_selector=own.node_selector if compile_.node_selector is None else compile_.node_selector,
            tolerations=own.tolerations if compile_.tolerations is None else compile_.tolerations,
        )
    return pods.placement_fields(own, default, settings.architectures.get(family_of(artifact.target), ""))


def _container(artifact: NeuronArtifact, settings: Settings, component: str) -> Object:
    return {
        "name": component,
        "image": artifact.image,
        "imagePullPolicy": settings.pull_policy,
        "args": [component],
        "terminationMessagePolicy": "File",
        "securityContext": pods.container_security(),
    }


def _template(
    artifact: NeuronArtifact, settings: Settings, component: str, containers: Sequence[Object]
) -> Object:
    built = _built_template(artifact, settings, component, containers)
    patch = artifact.compile.pod_template or {}
    # What looks at files, or removes them, has only the labels and annotations: nothing of a user's may keep
    # it from ending.
    bare = component in (labels.COLLECT, labels.SCRUB)
    return patches.patched(built, {"metadata": patch.get("metadata") or {}} if bare else patch)


def trespass(artifact: NeuronArtifact, settings: Settings) -> str | None:
    """Why the patch of spec.compile.podTemplate can't be used; None where it can."""
    field = "spec.compile.podTemplate"
    large = patches.too_large(field, artifact.compile.pod_template)
    if large is not None:
        return large
    for component in (labels.COMPILE, labels.VERIFY):
        containers = _working_containers(artifact, settings, component, None)
        built = _built_template(artifact, settings, component, containers)
        path = patches.trespass(built, artifact.compile.pod_template)
        if path is not None:
            return patches.refusal(field, path)
    return None


def _built_template(
    artifact: NeuronArtifact, settings: Settings, component: str, containers: Sequence[Object]
) -> Object:
    *first, last = containers
    size = scratch_limit(last["resources"])
    volumes = [
        pods.claim_volume(pods.STORE_VOLUME, artifact.claim_name, read_only=False),
        pods.scratch_volume(size=size),
    ]
    if component == labels.COMPILE:
        volumes.append(pods.scratch_volume(pods.MODEL_VOLUME, size))
    if component == labels.COMPILE and settings.ca_bundle.config_map:
        volumes.append({"name": pods.CA_VOLUME, "configMap": {"name": settings.ca_bundle.config_map}})
    examples = artifact.compile.parity.examples_from
    if component == labels.COMPILE and examples is not None:
        volumes.append(pods.config_map_file(pods.EXAMPLES_VOLUME, examples, pods.EXAMPLES_FILE))
    if component == labels.VERIFY:
        volumes.append(pods.scratch_volume(pods.REPORT_VOLUME, size))
    if component == labels.COMPILE and artifact.source.claim is not None:
        volumes.append(pods.claim_volume(pods.SOURCE_VOLUME, artifact.source.claim, read_only=True))
    return {
        "metadata": {
            "labels": labels.of_artifact(artifact.name, artifact.digest, component),
            # A service account's role on EKS is for fetching: the webhook gives it to no other container.
            "annotations": {labels.SKIP_ROLE: ",".join(step for step in steps.ALL if step != steps.FETCH)},
        },
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": pods.pod_security(),
            **_placement(artifact, settings, component),
            **pods.pull_secrets(settings),
            **({"initContainers": list(first)} if first else {}),
            "containers": [last],
            "volumes": volumes,
        },
    }
