"""The Jobs of an artifact: what their pods are told, and where they run."""

import json
from typing import Any

import pytest
from neuron_operator.api.artifact import parse_artifact
from neuron_operator.api.settings import Settings, parse_settings
from neuron_operator.builders.deployments import deployment
from neuron_operator.builders.jobs import collect_job, compile_job, verify_job
from neuron_operator.builders.templates import Served
from unit.operator.worlds import artifact, artifact_body, model

SETTINGS: Settings = parse_settings(
    {
        "images": {"compiler": {"cpu": "c", "neuronx": "c"}, "triton": {"cpu": "t", "neuronx": "t"}},
        "placement": {"cpu": {"nodeSelector": {"pool": "cpu"}}, "inf2": {"nodeSelector": {"pool": "inf2"}}},
        "resources": {
            "compile": {"neuronx": {"limits": {"memory": "16Gi"}}},
            "serving": {"neuronx": {"limits": {"memory": "4Gi"}}},
        },
        "hub": {"endpoint": "https://hub.example.org"},
        "s3": {"endpoint": "https://s3.example.org", "region": "eu-west-1"},
        "prices": {"inf2": 0.76},
    }
)
S3 = {"uri": "s3://bucket/bert"}
HTTPS = {"uri": "https://host/bert.tar.gz", "sha256": "0" * 64}
SECRET = {"secretRef": {"name": "keys"}}
HOSTS = {"SOURCE_HOSTS": ("keys", "hosts", True)}
AWS_KEYS = {
    "AWS_ACCESS_KEY_ID": ("keys", "AWS_ACCESS_KEY_ID", False),
    "AWS_SECRET_ACCESS_KEY": ("keys", "AWS_SECRET_ACCESS_KEY", False),
    "AWS_SESSION_TOKEN": ("keys", "AWS_SESSION_TOKEN", True),
    "AWS_REGION": ("keys", "AWS_REGION", True),
    "AWS_ENDPOINT_URL": ("keys", "AWS_ENDPOINT_URL", True),
}


def pod(job: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = job["spec"]["template"]["spec"]
    return spec


def container(job: dict[str, Any]) -> dict[str, Any]:
    """The container that does the Job's work: compile, or verify."""
    component = job["metadata"]["labels"]["app.kubernetes.io/component"]
    return step(job, component)


def step(job: dict[str, Any], name: str) -> dict[str, Any]:
    every = [*pod(job).get("initContainers", ()), *pod(job)["containers"]]
    return next(dict(each) for each in every if each["name"] == name)


def variables(job: dict[str, Any], of: str | None = None) -> dict[str, Any]:
    chosen = step(job, of) if of else container(job)
    return {variable["name"]: variable for variable in chosen["env"]}


def request(job: dict[str, Any]) -> dict[str, Any]:
    asked: dict[str, Any] = json.loads(variables(job)["COMPILE_REQUEST"]["value"])
    return asked


@pytest.mark.parametrize(
    ("model", "secrets"),
    [
        ({"uri": "hf://a/b", **SECRET}, {"HF_TOKEN": ("keys", "token", False), **HOSTS}),
        ({"uri": "hf://a/b"}, {}),
        ({**S3, **SECRET}, AWS_KEYS),
        (S3, {}),
        ({**HTTPS, **SECRET}, {"SOURCE_TOKEN": ("keys", "token", False), **HOSTS}),
        ({"uri": "pvc://models/bert"}, {}),
    ],
)
def test_each_kind_of_source_gets_its_keys_of_the_secret(
    model: dict[str, Any], secrets: dict[str, tuple[str, str, bool]]
) -> None:
    job = compile_job(artifact(SETTINGS, model=model, target="inf2"), SETTINGS)
    references = {
        name: variable["valueFrom"]["secretKeyRef"]
        for name, variable in variables(job, "fetch").items()
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    found = {name: (ref["name"], ref["key"], ref.get("optional", False)) for name, ref in references.items()}
    assert found == secrets
    assert len(variables(job, "fetch")) == len(step(job, "fetch")["env"]), "a name must not stand twice"
    for other in ("compile", "publish"):
        assert not [each for each in step(job, other)["env"] if "secretKeyRef" in each.get("valueFrom", {})]


def test_the_installations_s3_server_gives_way_to_the_secrets() -> None:
    job = compile_job(artifact(SETTINGS, model={**S3, **SECRET}, target="inf2"), SETTINGS)
    told = variables(job, "fetch")
    assert told["AWS_ENDPOINT_URL_S3"]["value"] == "https://s3.example.org"
    assert told["AWS_DEFAULT_REGION"]["value"] == "eu-west-1"
    assert "value" not in told["AWS_ENDPOINT_URL"]


def test_only_compiling_reads_the_source() -> None:
    told = variables(verify_job(artifact(SETTINGS, model={**S3, **SECRET}, target="inf2"), SETTINGS))
    assert not {name for name in told if name.startswith("AWS_")}
    assert "HF_ENDPOINT" not in told


def test_the_container_learns_its_own_limits() -> None:
    for job in (compile_job(artifact(), SETTINGS), verify_job(artifact(), SETTINGS)):
        fields = {
            name: variables(job)[name]["valueFrom"]["resourceFieldRef"]
            for name in ("MEMORY_LIMIT", "CPU_LIMIT")
        }
        assert fields["MEMORY_LIMIT"] == {
            "containerName": container(job)["name"],
            "resource": "limits.memory",
            "divisor": "1",
        }
        assert fields["CPU_LIMIT"]["divisor"] == "1m"
        assert container(job)["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_the_container_that_fetches_knows_the_proxy_and_whom_to_trust() -> None:
    network = {"proxy": {"httpsProxy": "http://proxy:3128"}, "caBundle": {"configMap": "corporate-ca"}}
    images = {"compiler": {"cpu": "c"}, "triton": {"cpu": "t"}}
    settings = parse_settings({"images": images, "compile": network})
    own = {"env": [{"name": "https_proxy", "value": "http://mine:1"}]}
    job = compile_job(artifact(settings, compile=own), settings)
    pod = job["spec"]["template"]["spec"]
    told = {
        each["name"]: {variable["name"]: variable.get("value") for variable in each["env"]}
        for each in (*pod["initContainers"], *pod["containers"])
    }
    bundle = "/etc/neuron-operator/ca/ca.crt"
    assert told["fetch"]["HTTPS_PROXY"] == "http://proxy:3128"
    assert told["fetch"]["https_proxy"] == told["compile"]["https_proxy"] == "http://mine:1"
    assert {told["fetch"][name] for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")} == {
        bundle
    }
    assert "HTTPS_PROXY" not in told["compile"]
    assert {"name": "ca-bundle", "configMap": {"name": "corporate-ca"}} in pod["volumes"]
    (mounted,) = (each for each in pod["initContainers"][0]["volumeMounts"] if each["name"] == "ca-bundle")
    assert mounted["mountPath"] == "/etc/neuron-operator/ca"


def test_the_users_own_requests_of_a_config_map_reach_the_container_that_compiles_alone() -> None:
    parity = {"examplesFrom": {"configMapKeyRef": {"name": "asked", "key": "ours.json"}}}
    job = compile_job(artifact(SETTINGS, compile={"parity": parity}), SETTINGS)
    pod = job["spec"]["template"]["spec"]
    items = [{"key": "ours.json", "path": "examples.json"}]
    assert {"name": "examples", "configMap": {"name": "asked", "items": items}} in pod["volumes"]
    mounted = {
        each["name"]: {mount["name"]: mount["mountPath"] for mount in each["volumeMounts"]}.get("examples")
        for each in (*pod["initContainers"], *pod["containers"])
    }
    assert mounted == {"fetch": None, "compile": "/examples", "publish": None}
    assert request(job)["parity"]["examples"] == "/examples/examples.json"


def test_the_chart_gives_a_price_where_the_spec_gives_none() -> None:
    def price(**spec: Any) -> Any:
        return request(compile_job(artifact(SETTINGS, **spec), SETTINGS))["benchmark"]["pricePerHour"]

    assert price(target="inf2") == 0.76
    assert price(target="inf2", compile={"benchmark": {"pricePerHour": "2"}}) == 2
    assert price(target="cpu") is None


def test_the_request_says_the_shapes_of_the_task_alone() -> None:
    def shapes(task: str, **compile_: Any) -> tuple[Any, Any]:
        model = {"uri": "hf://a/b", "task": task}
        asked = request(compile_job(artifact(SETTINGS, model=model, compile=compile_), SETTINGS))["compile"]
        return asked["sequenceLengths"], asked["imageSizes"]

    assert shapes("fill-mask") == ([128], [])
    assert shapes("fill-mask", sequenceLengths=[64, 32]) == ([32, 64], [])
    assert shapes("image-classification") == ([], [])
    assert shapes("image-classification", imageSizes=[224, 32]) == ([], [32, 224])
    assert shapes("custom") == ([], [])


ELSEWHERE: dict[str, Any] = {
    "target": "inf2",
    "placement": {"nodeSelector": {"pool": "mine"}, "affinity": {"a": 1}, "serviceAccountName": "irsa"},
}


def test_compiling_on_an_ordinary_node_asks_for_no_device() -> None:
    limits = {"memory": "24Gi", "aws.amazon.com/neuron": "1"}
    found = artifact(SETTINGS, **ELSEWHERE, compile={"runsOn": "CPU", "resources": {"limits": limits}})
    compiling, verifying = compile_job(found, SETTINGS), verify_job(found, SETTINGS)
    assert container(compiling)["resources"] == {"limits": {"memory": "24Gi"}}
    assert pod(compiling)["nodeSelector"] == {"pool": "cpu"}
    assert pod(compiling)["serviceAccountName"] == "irsa"
    assert "affinity" not in pod(compiling)
    assert container(verifying)["resources"]["limits"] == {"memory": "4Gi", "aws.amazon.com/neuron": "1"}
    assert pod(verifying)["nodeSelector"] == {"pool": "mine"}
    assert container(verifying)["args"] == ["verify"]


@pytest.mark.parametrize("runs_on", ["CPU", "Accelerator"])
def test_the_compile_pods_own_nodes_win(runs_on: str) -> None:
    chosen = {
        "runsOn": runs_on,
        "nodeSelector": {"pool": "big"},
        "tolerations": [{"operator": "Exists"}],
    }
    found = artifact(SETTINGS, **ELSEWHERE, compile=chosen)
    assert pod(compile_job(found, SETTINGS))["nodeSelector"] == {"pool": "big"}
    assert pod(compile_job(found, SETTINGS))["tolerations"] == [{"operator": "Exists"}]
    assert pod(verify_job(found, SETTINGS))["nodeSelector"] == {"pool": "mine"}


def test_an_artifact_of_a_uri_and_a_target_alone_is_complete() -> None:
    body: dict[str, Any] = {
        "metadata": {"name": "gpt2", "namespace": "team", "uid": "u"},
        "spec": {"model": {"uri": "hf://openai-community/gpt2"}, "target": "inf2"},
    }
    bare = parse_artifact(body, SETTINGS)
    said = artifact(SETTINGS, target="inf2", toolchain=SETTINGS.toolchains["neuronx"])
    assert bare.digest == said.digest
    assert (bare.image, bare.claim_name) == ("c", "neuron-artifacts")
    assert container(compile_job(bare, SETTINGS))["image"] == "c"


def test_a_pipeline_of_cores_is_compiled_on_as_many() -> None:
    found = artifact(SETTINGS, target="inf2", compile={"neuron": {"pipelineCores": 4}})
    assert container(compile_job(found, SETTINGS))["resources"]["limits"]["aws.amazon.com/neuroncore"] == "4"


# What was published before a volume was divided among namespaces has no manifest in its status.
UNDIVIDED = {"phase": "Ready", "digest": "0" * 32, "completedAt": "2026-01-01T11:00:00Z"}
DIVIDED = {**UNDIVIDED, "manifestSha256": "5" * 64}


@pytest.mark.parametrize(
    ("status", "part"),
    [(UNDIVIDED, None), (DIVIDED, "team"), ({"phase": "Failed"}, "team")],
    ids=["published before", "published", "never published"],
)
def test_files_are_removed_where_they_lie(status: dict[str, Any], part: str | None) -> None:
    job = collect_job(parse_artifact(artifact_body(status=status), SETTINGS), SETTINGS)
    (store,) = [each for each in step(job, "collect")["volumeMounts"] if each["name"] == "artifacts"]
    assert store.get("subPath") == part


@pytest.mark.parametrize(("sha256", "part"), [(None, None), ("5" * 64, "team")], ids=["before", "now"])
def test_an_artifact_is_served_from_where_it_lies(sha256: str | None, part: str | None) -> None:
    served = Served("gpt2-0123456789", "0" * 32, "cpu", "neuron-artifacts", "example.org/triton:1", sha256)
    (server,) = deployment(model(), served, SETTINGS)["spec"]["template"]["spec"]["containers"]
    (store,) = [each for each in server["volumeMounts"] if each["name"] == "artifacts"]
    told = {variable["name"]: variable.get("value") for variable in server["env"]}
    assert (store.get("subPath"), told.get("ARTIFACT_MANIFEST_SHA256")) == (part, sha256)


def test_what_takes_long_has_a_clock_of_its_own_and_the_job_has_no_deadline() -> None:
    parsed = artifact(compile={"timeoutSeconds": 600})
    limits: dict[str, Any] = {}
    for job in (compile_job(parsed, SETTINGS), verify_job(parsed, SETTINGS)):
        assert "activeDeadlineSeconds" not in job["spec"]
        pod = job["spec"]["template"]["spec"]
        for each in (*pod["initContainers"], *pod["containers"]):
            said = {variable["name"]: variable.get("value") for variable in each["env"]}
            limits[each["name"]] = said.get("STEP_SECONDS")
    assert limits == {"fetch": "600", "compile": "600", "publish": None, "verify": "600", "record": None}


@pytest.mark.parametrize(
    ("size", "seconds"),
    [(0, 900), (548_105_171, 900), (9_000_000_000, 900), (9_000_000_001, 900), (40_000_000_000, 4000)],
)
def test_a_server_has_the_longer_to_start_the_larger_its_artifact_is(size: int, seconds: int) -> None:
    served = Served("gpt2-0", "0" * 32, "cpu", "neuron-artifacts", "example.org/triton:1", "5" * 64, size)
    spec = deployment(model(), served, SETTINGS)["spec"]
    (server,) = spec["template"]["spec"]["containers"]
    probe = server["startupProbe"]
    assert probe["failureThreshold"] * probe["periodSeconds"] == seconds
    # A Deployment that gives up before its servers may be ready would be said to have failed.
    assert spec["progressDeadlineSeconds"] >= seconds + 900
