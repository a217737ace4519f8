"""The Jobs of an artifact: compile, verify on the accelerator, and removal of its files."""

import json

from neuron_operator import labels, names
from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.settings import Settings
from neuron_operator.builders import pods
from neuron_operator.builders.metadata import controller_reference, whole_object
from neuron_operator.builders.resources import container_resources
from neuron_operator.kinds import JOB, NEURON_ARTIFACT
from neuron_operator.objects import Object
from neuron_operator.quantities import parse
from neuron_operator.targets import family_of

FAILED_FOR_GOOD = 10
"""Exit status of a compiler that knows that another attempt would end the same."""
KILLED = 137
"""Exit status after SIGKILL: out of memory, and again with the same limit."""

_KEPT_AFTER_FINISH_SECONDS = 3600
_COLLECT_TIMEOUT_SECONDS = 600
_COLLECT_RESOURCES = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}


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
    limits = _resources(artifact, settings, None).get("limits") or {}
    memory: str | None = limits.get("memory")
    return memory


def _working_job(
    artifact: NeuronArtifact, settings: Settings, component: str, name: str, memory: str | None
) -> Object:
    """A pod lost with its node is tried again without being counted; exit statuses that would repeat fail the
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
                "activeDeadlineSeconds": compile_.timeout_seconds,
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
                            "onExitCodes": {
                                "containerName": component,
                                "operator": "In",
                                "values": [FAILED_FOR_GOOD, KILLED],
                            },
                        },
                    ]
                },
                "template": _template(
                    artifact, settings, component, _working_container(artifact, settings, component, memory)
                ),
            }
        },
    )


def collect_job(artifact: NeuronArtifact, settings: Settings) -> Object:
    """The Job that removes the artifact's files from the store."""
    container = {
        **_container(artifact, settings, labels.COLLECT),
        "env": pods.env({"STORE_PATH": pods.STORE_PATH, "DIGEST": artifact.digest, "HOME": "/tmp"}),
        "resources": _COLLECT_RESOURCES,
        "volumeMounts": [
            pods.mount(pods.STORE_VOLUME, pods.STORE_PATH),
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
                "template": _template(artifact, settings, labels.COLLECT, container),
            }
        },
    )


def compile_request(artifact: NeuronArtifact) -> Object:
    """What the compile container is asked to do (environment variable COMPILE_REQUEST)."""
    source, compile_ = artifact.source, artifact.compile
    return {
        "digest": artifact.digest,
        "model": {
            "uri": source.uri,
            "revision": source.revision,
            "task": source.task,
            "pooling": source.pooling,
            "trustRemoteCode": source.trust_remote_code,
        },
        "target": artifact.target,
        "compile": {
            "batchSize": compile_.batch_size,
            "sequenceLengths": list(compile_.sequence_lengths),
            "autoCast": compile_.auto_cast,
            "autoCastType": compile_.auto_cast_type,
            "optLevel": compile_.opt_level,
            "extraArgs": list(compile_.extra_args),
        },
        "parity": {
            "metric": compile_.parity.metric,
            "tolerance": compile_.parity.tolerance,
            "policy": compile_.parity.policy,
        },
        "benchmark": {"seconds": compile_.benchmark_seconds},
        "toolchain": artifact.toolchain,
    }


def _working_container(
    artifact: NeuronArtifact, settings: Settings, component: str, memory: str | None
) -> Object:
    variables = {
        "COMPILE_REQUEST": json.dumps(compile_request(artifact), sort_keys=True),
        "STORE_PATH": pods.STORE_PATH,
        "HOME": "/tmp",
        "HF_HOME": "/tmp/hf",
    }
    fetches = component == labels.COMPILE
    mounts = [pods.mount(pods.STORE_VOLUME, pods.STORE_PATH), pods.mount(pods.SCRATCH_VOLUME, "/tmp")]
    if fetches and settings.hub_endpoint:
        variables["HF_ENDPOINT"] = settings.hub_endpoint
    if fetches and artifact.source.claim is not None:
        variables["SOURCE_PATH"] = pods.SOURCE_PATH
        mounts.append(pods.mount(pods.SOURCE_VOLUME, pods.SOURCE_PATH, read_only=True))
    env = pods.env(variables)
    env.append({"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}})
    if fetches and artifact.source.secret is not None:
        key = {"name": artifact.source.secret, "key": "token"}
        env.append({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": key}})
    return {
        **_container(artifact, settings, component),
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "env": env,
        "resources": _resources(artifact, settings, memory),
        "volumeMounts": mounts,
    }


def _resources(artifact: NeuronArtifact, settings: Settings, memory: str | None) -> Object:
    """`resources`; where a memory limit is given, the request keeps its share of the limit."""
    found = container_resources(
        artifact.compile.resources,
        settings.compile_resources.get(family_of(artifact.target)),
        target=artifact.target,
        cores=1,
        accelerator=settings.accelerator,
    )
    if memory is None:
        return found
    limits, requests = found["limits"], found.get("requests") or {}
    if "memory" in requests:
        share = parse(requests["memory"]) / parse(limits["memory"])
        requests = {**requests, "memory": str(int(parse(memory) * share))}
    parts = {"requests": requests, "limits": {**limits, "memory": memory}}
    return {name: quantities for name, quantities in parts.items() if quantities}


def _container(artifact: NeuronArtifact, settings: Settings, component: str) -> Object:
    return {
        "name": component,
        "image": artifact.image,
        "imagePullPolicy": settings.pull_policy,
        "args": [component],
        "terminationMessagePolicy": "File",
        "securityContext": pods.container_security(),
    }


def _template(artifact: NeuronArtifact, settings: Settings, component: str, container: Object) -> Object:
    volumes = [
        pods.claim_volume(pods.STORE_VOLUME, artifact.claim_name, read_only=False),
        pods.scratch_volume(),
    ]
    if component == labels.COMPILE and artifact.source.claim is not None:
        volumes.append(pods.claim_volume(pods.SOURCE_VOLUME, artifact.source.claim, read_only=True))
    return {
        "metadata": {"labels": labels.of_artifact(artifact.name, artifact.digest, component)},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": pods.pod_security(),
            **pods.placement_fields(artifact.placement, settings.placement.get(artifact.target)),
            **pods.pull_secrets(settings),
            "containers": [container],
            "volumes": volumes,
        },
    }
