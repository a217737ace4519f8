"""What the API server refuses and accepts of NeuronArtifacts, with the sentences that users read."""

import pytest
import yaml
from apiserver.admission import NEURONDEVICE, SCHEMES, admitted, artifact, merged, model
from support.kube import Kube, Refused

OPTIONS = "the compiler options of an artifact"


@pytest.fixture(scope="module")
def kept_artifact(kube: Kube, namespace: str) -> str:
    """Name of an artifact that the API server keeps."""
    kube.apply(artifact(name="kept"))
    return "kept"


def test_the_smallest_artifact_gets_every_default(kube: Kube, namespace: str) -> None:
    spec = admitted(kube, artifact())["spec"]
    assert spec["compile"] == admitted(kube, model())["spec"]["compile"]
    assert spec["target"] == "inf2"
    assert spec["keep"] is False


def test_an_artifact_needs_no_more_than_a_uri(kube: Kube, namespace: str) -> None:
    bare = {**model(), "kind": "NeuronArtifact"}
    assert "claimName" not in admitted(kube, bare)["spec"]


def test_an_artifact_with_a_name_no_job_can_have_is_refused(kube: Kube, namespace: str) -> None:
    with pytest.raises(Refused) as refusal:
        admitted(kube, artifact(name="a" * 53))
    assert "the name must have at most 52 characters: Jobs are named after it" in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("serving: {}", 'unknown field "spec.serving"'),
        ("model: {uri: gs://bucket/model}", SCHEMES),
        ("compile: {cpu: {backend: Inductor}}", "compile.cpu applies to target cpu only: leave it out"),
        ("ttlSeconds: -1", "spec.ttlSeconds in body should be greater than or equal to 0"),
        ("compile: {resources: {limits: {aws.amazon.com/neurondevice: 1}}}", NEURONDEVICE),
    ],
)
def test_an_artifact_that_cannot_work_is_refused(
    kube: Kube, namespace: str, change: str, sentence: str
) -> None:
    with pytest.raises(Refused) as refusal:
        admitted(kube, artifact(change))
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("model: {uri: hf://openai-community/gpt2-medium}", "the model of an artifact (all but secretRef)"),
        ("model: {revision: other}", "the model of an artifact (all but secretRef)"),
        ("model: {pooling: Mean}", "the model of an artifact (all but secretRef)"),
        ("model: {trustRemoteCode: true}", "the model of an artifact (all but secretRef)"),
        ("target: trn1", "target, toolchain and claimName of an artifact"),
        ("toolchain: neuronx-2.30.0", "target, toolchain and claimName of an artifact"),
        ("claimName: elsewhere", "target, toolchain and claimName of an artifact"),
        ("compile: {batchSizes: [2]}", "the shapes of an artifact"),
        ("compile: {sequenceLengths: [128, 256]}", "the shapes of an artifact"),
        ("compile: {neuronx: {extraArgs: [--verbose]}}", OPTIONS),
        ("compile: {neuronx: {autoCast: all}}", OPTIONS),
        ("compile: {neuronx: {modelType: transformer}}", OPTIONS),
        ("compile: {neuronx: {partitioner: {}}}", OPTIONS),
        ("compile: {neuronx: {weights: Separated}}", OPTIONS),
    ],
)
def test_what_an_artifact_is_made_from_cannot_be_changed(
    kube: Kube, namespace: str, kept_artifact: str, change: str, what: str
) -> None:
    with pytest.raises(Refused) as refusal:
        kube.patch("neuronartifact", kept_artifact, namespace, {"spec": yaml.safe_load(change)})
    assert f"{what} cannot change: make a new NeuronArtifact" in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        "{ttlSeconds: 60, keep: true}",
        "model: {secretRef: {name: hub-token}}",
        "compile: {timeoutSeconds: 600, retries: 0, resources: {limits: {memory: 32Gi}}}",
        "compile: {runsOn: CPU, nodeSelector: {pool: cpu}, parity: {policy: Warn}}",
        "placement: {nodeSelector: {node.kubernetes.io/instance-type: inf2.xlarge}}",
    ],
)
def test_how_an_artifact_is_made_and_kept_can_be_changed(
    kube: Kube, namespace: str, kept_artifact: str, change: str
) -> None:
    kube.patch("neuronartifact", kept_artifact, namespace, {"spec": yaml.safe_load(change)})
    found = kube.get("neuronartifact", kept_artifact, namespace)
    assert found
    assert merged(found["spec"], yaml.safe_load(change)) == found["spec"]


def test_the_short_names_and_the_category_find_both_kinds(
    kube: Kube, namespace: str, kept_artifact: str
) -> None:
    kube.apply(model(name="found"))
    listed = kube.kubectl("get", "neuron", "--output=name", "--namespace", namespace).split()
    assert "neuronmodel.neuron-operator.dev/found" in listed
    assert f"neuronartifact.neuron-operator.dev/{kept_artifact}" in listed
    assert kube.get("nm", "found", namespace)
    assert kube.get("na", kept_artifact, namespace)
