"""What the API server refuses and accepts of NeuronModels, with the sentences that users read."""

import pytest
from apiserver.admission import NEURONDEVICE, SCHEMES, admitted, artifact, model
from support.kube import Kube, Object, Refused

SEQUENCES = "spec.compile.sequenceLengths"
HUB_URI = "a hub uri is written hf://organisation/name; the revision goes into model.revision"
CLAIM_URI = (
    "a claim uri is written pvc://claim/path, with the name of a PersistentVolumeClaim of this namespace"
)


def test_the_smallest_model_gets_every_default(kube: Kube, namespace: str) -> None:
    assert admitted(kube, model())["spec"] == {
        "model": {
            "uri": "hf://openai-community/gpt2",
            "task": "feature-extraction",
            "pooling": "Auto",
            "trustRemoteCode": False,
        },
        "target": "inf2",
        "fallback": "Never",
        "compile": {
            "batchSizes": [1],
            "runsOn": "Accelerator",
            "timeoutSeconds": 3600,
            "retries": 2,
            "parity": {"metric": "MaxRel", "policy": "Block"},
            "benchmark": {"seconds": 5, "concurrencies": [1], "policy": "Block"},
        },
        "serving": {"runtime": "Triton", "cores": 1, "localCopy": False, "requestLog": False},
    }


def test_an_empty_partitioner_takes_half_of_the_operators(kube: Kube, namespace: str) -> None:
    compile_ = admitted(kube, model("compile: {neuronx: {partitioner: {}}}"))["spec"]["compile"]
    assert compile_["neuronx"] == {
        "autoCast": "matmult",
        "autoCastType": "bf16",
        "optLevel": 2,
        "fastLoading": False,
        "weights": "Inlined",
        "partitioner": {"supportThreshold": "0.5"},
    }


@pytest.mark.parametrize(
    ("target", "family", "defaults"),
    [
        ("inf1", "neuron", {"fastLoading": False, "weights": "Inlined"}),
        ("cpu", "cpu", {"backend": "Auto", "precision": "Auto"}),
    ],
)
def test_the_options_of_a_target_have_defaults_of_their_own(
    kube: Kube, namespace: str, target: str, family: str, defaults: Object
) -> None:
    written = f"{{target: {target}, compile: {{{family}: {{}}}}}}"
    assert admitted(kube, model(written))["spec"]["compile"][family] == defaults


def test_an_autoscaler_has_one_to_three_replicas(kube: Kube, namespace: str) -> None:
    spec = admitted(kube, model("autoscaling: {horizontalPodAutoscaler: {}}"))["spec"]
    bounds = {"minReplicas": 1, "maxReplicas": 3, "targetCPUUtilizationPercentage": 80}
    assert spec["autoscaling"] == {"type": "HorizontalPodAutoscaler", "horizontalPodAutoscaler": bounds}


@pytest.mark.parametrize(
    "change",
    [
        "model: {uri: hf://gpt2}",
        "model: {uri: pvc://models/a directory/gpt2, revision: '2'}",
        "model: {uri: hf://o/n, revision: refs/pr/7, secretRef: {name: hub-token}, pooling: Mean}",
        "{target: cpu, replicas: 0}",
        "{target: inf1, fallback: CPU, serving: {schedulerName: my-scheduler, cores: 4}}",
        "compile: {batchSizes: [1, 8], sequenceLengths: [128, 131072]}",
        "compile: {batchSizes: [1, 2, 4, 8], sequenceLengths: [8, 16, 32, 64, 128, 256, 512, 1024]}",
        "model: {uri: s3://models, secretRef: {name: keys}}",
        "model: {uri: s3://models/bert/v1, revision: '2', task: token-classification}",
        "model: {uri: 'https://host:8443/a/bert.tar.gz?v=1', sha256: 'SHA', secretRef: {name: token}}",
        "{model: {task: image-classification, architecture: timm/resnet18.a1_in1k}, "
        "compile: {imageSizes: [32, 224]}}",
        "{model: {task: image-feature-extraction, pooling: Cls}, compile: {imageSizes: [224]}}",
        "model: {uri: pvc://models/own, task: custom, trustRemoteCode: true}",
        "{target: inf1, compile: {neuron: {pipelineCores: 4, fastMath: none, weights: Separated}}}",
        "{target: trn2, compile: {neuronx: {logicalCores: 1, modelType: unet-inference, fastLoading: true}}}",
        "{target: trn1, compile: {neuronx: {partitioner: {}}}}",
        "{target: cpu, compile: {cpu: {backend: Inductor, precision: FP32}, runsOn: CPU}}",
        "{target: inf2, fallback: CPU, compile: {neuronx: {optLevel: 1}, cpu: {backend: Inductor}}}",
        "compile: {runsOn: CPU, nodeSelector: {pool: cpu}, tolerations: [{operator: Exists}]}",
        'compile: {benchmark: {concurrencies: [1, 256], pricePerHour: "0.5", thresholds: {speedUp: "3"}}}',
        "compile: {resources: {limits: {aws.amazon.com/neuron: 1, memory: 16Gi}}}",
        "autoscaling: {horizontalPodAutoscaler: {minReplicas: 4, maxReplicas: 4}}",
        "{replicas: 4, autoscaling: {type: External}}",
        "{replicas: 4, autoscaling: {type: None}}",
        "serving: {env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: a, key: b}}}]}",
        "storage: {storageClassName: efs, size: 1.5Ti}",
        "rollout: {maxSurge: 0}",
        "rollout: {maxSurge: 0, maxUnavailable: 1}",
        "{rollout: {maxSurge: '25%', maxUnavailable: '0%'}}",
    ],
)
def test_a_model_as_users_write_it_is_accepted(kube: Kube, namespace: str, change: str) -> None:
    assert admitted(kube, model(change.replace("SHA", "0" * 64)))["spec"]["model"]["uri"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        # A field that does not exist.
        ("sevring: {}", 'unknown field "spec.sevring"'),
        ("model: {url: hf://a/b}", 'unknown field "spec.model.url"'),
        ("serving: {image: triton}", 'unknown field "spec.serving.image"'),
        # Where the weights are.
        ("model: {uri: null}", "spec.model.uri: Required value"),
        ("model: {uri: gs://bucket/model}", SCHEMES),
        ("model: {uri: http://host/model.tar}", SCHEMES),
        ("model: {uri: openai-community/gpt2}", SCHEMES),
        ("model: {uri: s3://Bucket/model}", "an S3 uri is written s3://bucket/prefix"),
        (
            "model: {uri: 'https://user:word@host/m.tar'}",
            "an https uri is written https://host/path/model.tar.gz",
        ),
        (
            "model: {uri: https://host/model.tar.gz}",
            "an https:// model needs model.sha256: write what `sha256sum` prints for the file",
        ),
        ("model: {sha256: '0'}", "spec.model.sha256 in body should match"),
        (f"model: {{sha256: '{'0' * 64}'}}", "sha256 applies to https:// models only: leave it out"),
        ("model: {uri: hf://openai-community/gpt2@main}", HUB_URI),
        ("model: {uri: hf://openai-community/gpt2/onnx}", HUB_URI),
        ("model: {uri: 'hf://openai community/gpt2'}", HUB_URI),
        ("model: {uri: pvc://models}", CLAIM_URI),
        ("model: {uri: pvc://Models/gpt2}", CLAIM_URI),
        ("model: {uri: pvc:///gpt2}", CLAIM_URI),
        ("model: {uri: pvc://models/../gpt2}", "uri must not contain '..': write the directory's own path"),
        ("model: {revision: 'a b'}", "spec.model.revision: Invalid value"),
        (
            "model: {uri: pvc://models/gpt2, secretRef: {name: token}}",
            "a claim needs no secret: leave secretRef out",
        ),
        ("model: {secretRef: {}}", "spec.model.secretRef.name: Required value"),
        # What is computed.
        ("model: {task: translation}", '"feature-extraction", "text-classification"'),
        (
            "model: {architecture: timm/resnet18}",
            "architecture applies to tasks on pictures only",
        ),
        (
            "model: {task: image-classification, architecture: resnet18}",
            "spec.model.architecture in body should match",
        ),
        ("model: {task: custom}", "read it, then set model.trustRemoteCode to true"),
        (
            "{model: {task: image-classification}, compile: {sequenceLengths: [128]}}",
            "compile.sequenceLengths applies to tasks on text only: leave it out",
        ),
        (
            "compile: {imageSizes: [224]}",
            "compile.imageSizes applies to tasks on pictures only: leave it out",
        ),
        # Options of another target.
        ("compile: {neuronx: {logicalCores: 1}}", "compile.neuronx.logicalCores applies to target trn2 only"),
        ("compile: {neuron: {pipelineCores: 4}}", "compile.neuron applies to target inf1 only: write"),
        ("{target: inf1, compile: {neuronx: {}}}", "compile.neuronx applies to targets inf2, trn1 and trn2"),
        ("{target: cpu, compile: {neuronx: {optLevel: 1}}}", "compile.neuronx applies to targets inf2, trn1"),
        ("compile: {cpu: {backend: Inductor}}", "compile.cpu applies to target cpu only, or where fallback"),
        ("compile: {optLevel: 1}", 'unknown field "spec.compile.optLevel"'),
        (
            "model: {task: text-classification, pooling: Mean}",
            "pooling applies to the tasks feature-extraction and image-feature-extraction only: leave it out",
        ),
        ("target: inf3", 'supported values: "inf1", "inf2", "trn1", "trn2", "cpu"'),
        ("{target: cpu, fallback: CPU}", "target cpu needs no fallback: leave spec.fallback out"),
        # Impossible shapes.
        (
            "compile: {batchSizes: [0]}",
            "spec.compile.batchSizes[0] in body should be greater than or equal to 1",
        ),
        ("compile: {sequenceLengths: []}", f"{SEQUENCES} in body should have at least 1 items"),
        ("compile: {sequenceLengths: [0]}", f"{SEQUENCES}[0] in body should be greater than or equal to 1"),
        ("compile: {sequenceLengths: [128, 128]}", f"{SEQUENCES}[1]: Duplicate value: 128"),
        ("compile: {sequenceLengths: 128}", f"{SEQUENCES} in body must be of type array"),
        (
            "compile: {batchSizes: [1024], sequenceLengths: [128, 2048]}",
            "a batch size times a sequence length is more than 1048576 tokens in one call: lower one of them",
        ),
        (
            "compile: {batchSizes: [1, 2, 3, 4, 5, 6, 7, 8], sequenceLengths: [1, 2, 3, 4, 5]}",
            "more than 32 buckets (every batch size with every sequence length or image size): list fewer",
        ),
        # How it is compiled.
        ('compile: {neuronx: {partitioner: {supportThreshold: "1.5"}}}', 'a share is at most "1"'),
        (
            "compile: {neuronx: {modelType: cnn}}",
            'supported values: "generic", "transformer", "unet-inference"',
        ),
        ("compile: {runsOn: GPU}", 'supported values: "Accelerator", "CPU"'),
        ("compile: {benchmark: {concurrencies: [0]}}", "should be greater than or equal to 1"),
        ("compile: {benchmark: {pricePerHour: '0'}}", "write a number above 0 in quotes"),
        ("compile: {benchmark: {pricePerHour: 0.5}}", "pricePerHour in body must be of type string"),
        ("compile: {benchmark: {pricePerHour: '0,5'}}", "pricePerHour in body should match"),
        (
            "compile: {benchmark: {seconds: 0, thresholds: {speedUp: '2'}}}",
            "thresholds need a measurement: set benchmark.seconds above 0, or leave thresholds out",
        ),
        (
            "compile: {resources: {limits: {memory: -1}}}",
            "memory in body should be greater than or equal to 0",
        ),
        ("serving: {resources: {requests: {cpu: -1}}}", "cpu in body should be greater than or equal to 0"),
        ("compile: {neuronx: {autoCast: some}}", 'supported values: "none", "matmult", "all"'),
        (
            "compile: {neuronx: {optLevel: 4}}",
            "spec.compile.neuronx.optLevel in body should be less than or equal to 3",
        ),
        (
            "compile: {neuronx: {extraArgs: ['']}}",
            "neuronx.extraArgs[0] in body should be at least 1 chars long",
        ),
        ("compile: {timeoutSeconds: 1h}", "spec.compile.timeoutSeconds in body must be of type integer"),
        (
            "compile: {parity: {tolerance: '0.0'}}",
            'write a number above 0 in quotes, for example "0.05"',
        ),
        (
            "compile: {parity: {examples: mine.json, examplesFrom: {configMapKeyRef: {name: asked}}}}",
            "name one source of examples: a file beside the model (examples) or a ConfigMap (examplesFrom)",
        ),
        (
            "compile: {parity: {examplesFrom: {configMapKeyRef: {key: ours.json}}}}",
            "spec.compile.parity.examplesFrom.configMapKeyRef.name: Required value",
        ),
        ("compile: {parity: {policy: Ignore}}", 'supported values: "Block", "Warn", "Skip"'),
        ("compile: {resources: {limits: {aws.amazon.com/neurondevice: 1}}}", NEURONDEVICE),
        ("compile: {resources: {limits: {memory: 4GB}}}", "spec.compile.resources.limits.memory in body"),
        # Where it is kept.
        (
            "storage: {claimName: artifacts, size: 50Gi}",
            "storage names an existing claim (claimName) or describes a new one (storageClassName, size): "
            "write one of the two",
        ),
        ("storage: {size: 50GB}", "spec.storage.size in body should match"),
        # How it is served.
        ("serving: {runtime: onnx}", 'supported values: "Triton"'),
        (
            "serving: {cores: 2, resources: {limits: {aws.amazon.com/neuroncore: 1}}}",
            "serving.cores is more than resources.limits has of aws.amazon.com/neuroncore",
        ),
        ("serving: {cores: 0}", "spec.serving.cores in body should be greater than or equal to 1"),
        ("serving: {resources: {requests: {aws.amazon.com/neurondevice: 1}}}", NEURONDEVICE),
        ("serving: {tolerations: [{operator: Exist}]}", 'supported values: "Exists", "Equal", "Lt", "Gt"'),
        ("serving: {env: [{value: '1'}]}", "spec.serving.env[0].name: Required value"),
        ("serving: {env: [{name: A, value: '1'}, {name: A}]}", "spec.serving.env[1]: Duplicate value"),
        ("serving: {env: [{name: MODEL_NAME, value: mine}]}", "env names a variable that the operator sets"),
        # Kubernetes' own types.
        ("serving: {affinity: {nodeAfinity: {}}}", 'unknown field "spec.serving.affinity.nodeAfinity"'),
        ("autoscaling: {horizontalPodAutoscaler: {metrics: [{typ: A}]}}", 'Autoscaler.metrics[0].typ"'),
        ("autoscaling: {horizontalPodAutoscaler: {behavior: {up: {}}}}", 'unknown field "spec.autoscaling'),
        # How many.
        ("replicas: -1", "spec.replicas in body should be greater than or equal to 0"),
        (
            "{replicas: 2, autoscaling: {horizontalPodAutoscaler: {maxReplicas: 4}}}",
            "a HorizontalPodAutoscaler decides on the number of servers (spec.autoscaling): leave",
        ),
        (
            "autoscaling: {horizontalPodAutoscaler: {minReplicas: 3, maxReplicas: 2}}",
            "minReplicas must not be above maxReplicas: raise maxReplicas or lower minReplicas",
        ),
        (
            "autoscaling: {horizontalPodAutoscaler: {minReplicas: 5}}",
            "minReplicas must not be above maxReplicas",
        ),
        (
            "autoscaling: {type: External, horizontalPodAutoscaler: {}}",
            "horizontalPodAutoscaler applies to type HorizontalPodAutoscaler only",
        ),
        (
            "autoscaling: {horizontalPodAutoscaler: {minReplicas: 0}}",
            "spec.autoscaling.horizontalPodAutoscaler.minReplicas in body should be greater than or equal",
        ),
        ("rollout: {maxSurge: 0, maxUnavailable: 0}", "must not both be 0"),
        ("{rollout: {maxSurge: '0%', maxUnavailable: 0}}", "must not both be 0"),
        ("{rollout: {maxSurge: '00%', maxUnavailable: '000%'}}", "must not both be 0"),
        ("{rollout: {maxSurge: '1'}}", "spec.rollout.maxSurge in body should match"),
        ("rollout: {maxUnavailable: -1}", "spec.rollout.maxUnavailable in body should be greater"),
        ("rollout: {progressDeadlineSeconds: 29}", "should be greater than or equal to 30"),
        ("rollout: {keep: 10}", "spec.rollout.keep in body should be less than or equal to 9"),
        (
            "autoscaling: {horizontalPodAutoscaler: {metrics: []}}",
            "metrics in body should have at least 1 items",
        ),
    ],
)
def test_a_model_that_cannot_work_is_refused(kube: Kube, namespace: str, change: str, sentence: str) -> None:
    with pytest.raises(Refused) as refusal:
        admitted(kube, model(change))
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a" * 53, "the name must have at most 52 characters: Services and Jobs are named after it"),
        (
            "2nd-model",
            "the name becomes a Service: use lower-case letters, digits and '-', starting with a letter",
        ),
        (
            "gpt2.v1",
            "the name becomes a Service: use lower-case letters, digits and '-', starting with a letter",
        ),
    ],
)
def test_a_name_that_no_service_can_have_is_refused(
    kube: Kube, namespace: str, name: str, sentence: str
) -> None:
    with pytest.raises(Refused) as refusal:
        admitted(kube, model(name=name))
    assert sentence in str(refusal.value)


def test_the_longest_name_is_accepted(kube: Kube, namespace: str) -> None:
    for resource in (model(name="a" * 52), artifact(name="a" * 52)):
        assert admitted(kube, resource)["metadata"]["name"] == "a" * 52


def test_scaling_a_model_sets_its_replicas(kube: Kube, namespace: str) -> None:
    kube.apply(model(name="scaled"))
    kube.kubectl("scale", "neuronmodel", "scaled", "--replicas=3", "--namespace", namespace)
    found = kube.get("neuronmodel", "scaled", namespace)
    assert found
    assert found["spec"]["replicas"] == 3


def test_a_model_with_an_autoscaler_of_its_own_is_not_scaled_by_hand(kube: Kube, namespace: str) -> None:
    kube.apply(model("autoscaling: {horizontalPodAutoscaler: {}}", name="autoscaled"))
    with pytest.raises(Refused) as refusal:
        kube.kubectl("scale", "neuronmodel", "autoscaled", "--replicas=3", "--namespace", namespace)
    assert "a HorizontalPodAutoscaler decides on the number of servers" in str(refusal.value)
