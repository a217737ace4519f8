"""What the compile and verify containers are asked to do, and the environment that tells them."""

from neuron_contract import steps, variables
from neuron_contract.request import (
    BenchmarkOrder,
    Model,
    Options,
    ParityGate,
    Partitioner,
    Request,
    Thresholds,
    to_text,
)

from neuron_operator.api.artifact import NeuronArtifact
from neuron_operator.api.settings import Settings
from neuron_operator.api.spec import Neuron, Neuronx, Parity, Source
from neuron_operator.builders import pods
from neuron_operator.reading.objects import Object
from neuron_operator.terms.targets import family_of


def compile_request(artifact: NeuronArtifact, settings: Settings) -> Request:
    """What COMPILE_REQUEST asks for."""
    source, compile_, benchmark = artifact.source, artifact.compile, artifact.compile.benchmark
    thresholds, price = benchmark.thresholds, benchmark.price_per_hour
    return Request(
        digest=artifact.digest,
        toolchain=artifact.toolchain,
        target=artifact.target,
        model=Model(
            uri=source.uri,
            revision=source.revision,
            sha256=source.sha256,
            task=source.task,
            pooling=source.pooling,
            architecture=source.architecture,
            trust_remote_code=source.trust_remote_code,
        ),
        options=_options(artifact),
        parity=ParityGate(
            metric=compile_.parity.metric,
            tolerance=compile_.parity.tolerance,
            policy=compile_.parity.policy,
            examples=_examples(compile_.parity),
        ),
        benchmark=BenchmarkOrder(
            seconds=benchmark.seconds,
            concurrencies=benchmark.concurrencies,
            price_per_hour=settings.prices.get(artifact.target) if price is None else price,
            thresholds=Thresholds(
                thresholds.p99_milliseconds, thresholds.throughput_per_second, thresholds.speed_up
            ),
            policy=benchmark.policy,
        ),
    )


def _examples(parity: Parity) -> str | None:
    """The user's own requests: a name beside the model, or where the ConfigMap is mounted."""
    return parity.examples if parity.examples_from is None else f"{pods.EXAMPLES_PATH}/{pods.EXAMPLES_FILE}"


def _options(artifact: NeuronArtifact) -> Options:
    """The options of every compiler: those of the others keep their defaults, and have no effect."""
    compile_, task, family = artifact.compile, artifact.source.task, family_of(artifact.target)
    neuronx, neuron, cpu = compile_.neuronx, compile_.neuron, compile_.cpu
    device: Neuronx | Neuron = neuron if family == "neuron" else neuronx
    partitioner = neuronx.partitioner
    cast = Neuronx(auto_cast="none" if cpu.precision == "FP32" else "matmult") if family == "cpu" else neuronx
    return Options(
        batch_sizes=compile_.batch_sizes,
        sequence_lengths=compile_.sequence_lengths_for(task),
        image_sizes=compile_.image_sizes_for(task),
        auto_cast=cast.auto_cast,
        auto_cast_type=cast.auto_cast_type,
        opt_level=neuronx.opt_level,
        model_type=neuronx.model_type_for(task, artifact.target),
        logical_cores=neuronx.logical_cores,
        fast_loading=device.fast_loading,
        pipeline_cores=neuron.pipeline_cores,
        fast_math=neuron.fast_math,
        partitioner=None
        if partitioner is None
        else Partitioner(
            partitioner.support_threshold, partitioner.min_subgraph_size, partitioner.max_subgraph_count
        ),
        weights=device.weights,
        cpu_backend=cpu.backend,
        placement=compile_.runs_on,
        extra_args=device.extra_args,
    )


def environment(artifact: NeuronArtifact, settings: Settings, step: str) -> list[Object]:
    """A container's variables; only the one that fetches learns how to read the model's source."""
    plain = {
        variables.COMPILE_REQUEST: to_text(compile_request(artifact, settings)),
        **_PLACES[step],
        "HOME": "/tmp",
        "HF_HOME": f"{pods.MODEL_PATH}/hf" if step == steps.FETCH else "/tmp/hf",
    }
    if artifact.source.claim is not None and step in (steps.FETCH, steps.COMPILE):
        plain[variables.SOURCE_PATH] = pods.SOURCE_PATH
    if step == steps.COMPILE:
        # A checkpoint must not name another repository whose code is fetched and run.
        plain |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    if step in _LIMITED:
        plain[variables.STEP_SECONDS] = str(artifact.compile.timeout_seconds)
    if step in steps.OF_VERIFYING and artifact.manifest_sha256:
        plain[variables.MANIFEST_SHA256] = artifact.manifest_sha256
    return [
        *pods.env(plain),
        *(_source(artifact.source, settings) if step == steps.FETCH else []),
        *(_network(artifact, settings) if step == steps.FETCH else []),
        *(dict(each) for each in artifact.compile.env if step in _USERS_OF_ENV),
        {"name": variables.POD_NAME, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        _limit(variables.MEMORY_LIMIT, step, "limits.memory", "1"),
        _limit(variables.CPU_LIMIT, step, "limits.cpu", "1m"),
        *(
            [_limit(variables.SCRATCH_LIMIT, step, "limits.ephemeral-storage", "1")]
            if step == steps.FETCH
            else []
        ),
    ]


_LIMITED = (steps.FETCH, steps.COMPILE, steps.VERIFY)
"""They run what takes long; each has the whole time-out for itself."""

_STORE = {variables.STORE_PATH: pods.STORE_PATH}
_MODEL = {variables.MODEL_PATH: pods.MODEL_PATH}
_REPORT = {variables.REPORT_PATH: pods.REPORT_PATH}
_PLACES = {
    steps.FETCH: _STORE | _MODEL,
    steps.COMPILE: _MODEL | {variables.WORK_PATH: pods.WORK_PATH},
    steps.PUBLISH: _STORE | _MODEL,
    steps.VERIFY: _STORE | _REPORT,
    steps.RECORD: _STORE | _REPORT,
}
"""Where each container finds what."""


_USERS_OF_ENV = (steps.FETCH, steps.COMPILE, steps.VERIFY)


def _network(artifact: NeuronArtifact, settings: Settings) -> list[Object]:
    """How to get out of the cluster: proxies, in both spellings, and whom to trust. A user's own win."""
    told = {**settings.proxy, **{name.lower(): value for name, value in settings.proxy.items()}}
    if settings.ca_bundle.config_map:
        path = f"{pods.CA_PATH}/{settings.ca_bundle.key}"
        told |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"), path)
    own = {each["name"] for each in artifact.compile.env}
    return pods.env({name: value for name, value in told.items() if name not in own})


def _source(source: Source, settings: Settings) -> list[Object]:
    """How to reach the model's source.

    What the installation says about S3 goes by other names than what a Secret says: the Secret's keys may be
    absent, and AWS_ENDPOINT_URL and AWS_REGION win over AWS_ENDPOINT_URL_S3 and AWS_DEFAULT_REGION.
    """
    plain = {variables.HF_ENDPOINT: settings.hub_endpoint}
    if source.kind == "s3":
        plain |= {variables.S3_ENDPOINT: settings.s3.endpoint, variables.S3_REGION: settings.s3.region}
    told = pods.env({name: value for name, value in plain.items() if value})
    if source.secret is None:
        return told
    if source.kind == "s3":
        told += [_secret(source.secret, key, key) for key in variables.S3_KEYS]
        told += [_secret(source.secret, key, key, optional=True) for key in variables.S3_OPTIONAL_KEYS]
    else:
        name = variables.HF_TOKEN if source.kind == "hf" else variables.SOURCE_TOKEN
        told.append(_secret(source.secret, name, "token"))
        told.append(_secret(source.secret, variables.SOURCE_HOSTS, "hosts", optional=True))
    return told


def _secret(secret: str, name: str, key: str, *, optional: bool = False) -> Object:
    reference: Object = {"name": secret, "key": key}
    if optional:
        reference["optional"] = True
    return {"name": name, "valueFrom": {"secretKeyRef": reference}}


def _limit(name: str, container: str, resource: str, divisor: str) -> Object:
    field = {"containerName": container, "resource": resource, "divisor": divisor}
    return {"name": name, "valueFrom": {"resourceFieldRef": field}}
