"""Every reason a condition or an Event can carry, with advice where the cause's own message has none."""

from enum import StrEnum

RETRY = "To try again, give the annotation neuron-operator.dev/retry a new value."
"""Said of every failure that does not heal by itself: nothing tells of what is put right outside the spec."""


class Reason(StrEnum):
    """A CamelCase reason. `advice` is one sentence on what to do, empty where nothing needs doing."""

    advice: str

    def __new__(cls, value: str, advice: str = "") -> "Reason":
        member = str.__new__(cls, value)
        member._value_ = value
        member.advice = advice
        return member

    # The way of an artifact.
    COMPILING = ("Compiling",)
    VERIFYING = ("Verifying",)
    PUBLISHED = ("Published",)
    RETRYING = ("Retrying",)
    ARTIFACT_BEING_COLLECTED = ("ArtifactBeingCollected",)
    COLLECT_FAILED = (
        "CollectFailed",
        "Look at the Job's log; delete the NeuronArtifact to give up its files.",
    )

    # What the compiler reports.
    SOURCE_NOT_FOUND = (
        "SourceNotFound",
        "Correct spec.model.uri, or put the model there.",
    )
    REVISION_NOT_FOUND = ("RevisionNotFound", "Correct spec.model.revision.")
    SOURCE_UNAUTHORIZED = (
        "SourceUnauthorized",
        "Name a Secret with a valid token in spec.model.secretRef.",
    )
    HOST_NOT_ALLOWED = (
        "HostNotAllowed",
        "Name the host in the key `hosts` of the Secret, or name a uri that stays on https.",
    )
    SOURCE_UNREACHABLE = ("SourceUnreachable", "Check the network to the model's source.")
    CHECKSUM_MISMATCH = (
        "ChecksumMismatch",
        "Correct spec.model.sha256, or put the right file there.",
    )
    MODEL_UNREADABLE = ("ModelUnreadable", "Check the model's files.")
    UNSUPPORTED_ARCHITECTURE = ("UnsupportedArchitecture", "Choose a model that the toolchain supports.")
    UNSUPPORTED_OPERATOR = (
        "UnsupportedOperator",
        "Set spec.compile.neuronx.partitioner, choose another target or toolchain, or change the model.",
    )
    DYNAMIC_SHAPE = (
        "DynamicShape",
        "Let the model's shapes depend on its inputs' shapes alone; a wrapper of task custom may help.",
    )
    CUSTOM_CODE_FAILED = ("CustomCodeFailed", "Correct the model's neuron_model.py.")
    REMOTE_CODE_REFUSED = (
        "RemoteCodeRefused",
        "Read the model's code, then set spec.model.trustRemoteCode to true.",
    )
    SEQUENCE_TOO_LONG = ("SequenceTooLong", "Lower spec.compile.sequenceLengths.")
    COMPILER_OUT_OF_MEMORY = ("CompilerOutOfMemory", "Raise spec.compile.resources.limits.memory.")
    VERIFICATION_OUT_OF_MEMORY = (
        "VerificationOutOfMemory",
        "Raise the memory of resources.serving in the chart's values.",
    )
    COMPILER_KILLED = ("CompilerKilled", "It is tried again by itself.")
    COMPILER_CRASHED = ("CompilerCrashed", "Look at the compile Job's log.")
    COMPILER_REFUSED = (
        "CompilerRefused",
        "Look the code up at the address in the message; change spec.compile or the model.",
    )
    TOOLCHAIN_MISSING = ("ToolchainMissing", "Use an image built for this target.")
    MODEL_TOO_LARGE = (
        "ModelTooLarge",
        "Lower spec.compile.batchSizes, sequenceLengths or imageSizes, or choose a smaller model.",
    )
    NOT_ON_DEVICE = (
        "NotOnDevice",
        "Raise spec.compile.neuronx.partitioner.supportThreshold, or choose target cpu.",
    )
    DEVICE_OUT_OF_MEMORY = (
        "DeviceOutOfMemory",
        "Lower spec.compile.batchSizes, sequenceLengths or imageSizes, or take fewer of them.",
    )
    DEVICE_MISSING = ("DeviceMissing", "Check accelerator.resourceName and the node's device plugin.")
    DEVICE_TIMED_OUT = ("DeviceTimedOut", "Compile on the accelerator (spec.compile.runsOn).")
    DRIVER_MISMATCH = (
        "DriverMismatch",
        "Use nodes whose Neuron driver belongs to the images' SDK.",
    )
    CORES_BUSY = ("CoresBusy", "It is tried again by itself.")
    PARITY_FAILED = (
        "ParityFailed",
        "Raise spec.compile.parity.tolerance, cast less (spec.compile.neuronx.autoCast, "
        "spec.compile.cpu.precision), or set the policy to Warn.",
    )
    ANSWERS_DIFFER = (
        "AnswersDiffer",
        "Report the model to this project; where only its tensors are used, set the policy to Warn.",
    )
    TOO_SLOW = (
        "TooSlow",
        "Correct spec.compile.benchmark.thresholds, try other buckets or options, or set the policy to Warn.",
    )
    STORAGE_FULL = ("StorageFull", "Enlarge the claim or delete NeuronArtifacts that are not used.")
    STORAGE_UNWRITABLE = ("StorageUnwritable", "Let user 1000 write to the claim.")

    # What keeps a pod from running.
    UNSCHEDULABLE = (
        "Unschedulable",
        "Add a node that fits, or ask for less in the resources, node selector or tolerations.",
    )
    NODE_STARTING = ("NodeStarting",)
    IMAGE_PULLING = ("ImagePulling",)
    POD_CREATION_REFUSED = (
        "PodCreationRefused",
        "It is tried again by itself: change what the namespace allows, or what the pod asks for.",
    )
    VOLUME_MOUNT_FAILED = (
        "VolumeMountFailed",
        "It is tried again by itself: check the volume, its driver on the node, and the network to it.",
    )
    INIT_CONTAINER_FAILED = ("InitContainerFailed", "Look at that container's log.")
    EVICTED = (
        "Evicted",
        "Ask for more of it (memory, ephemeral-storage) in the resources, or give the node more room.",
    )
    POD_TURNED_AWAY = (
        "PodTurnedAway",
        "It is tried again by itself: look at the node (kubectl describe node) and its device plugin.",
    )
    DISK_FULL = (
        "DiskFull",
        "Raise limits.ephemeral-storage in spec.compile.resources or spec.serving.resources; where they say "
        "nothing, the chart's resources hold. A volume of podTemplate has a sizeLimit of its own.",
    )
    NODE_DISK_FULL = (
        "NodeDiskFull",
        "Give the nodes larger disks, or choose others (spec.compile.nodeSelector).",
    )
    WRONG_ARCHITECTURE = (
        "WrongArchitecture",
        "Select nodes of the image's architecture (kubernetes.io/arch), or build the image for theirs.",
    )
    IMAGE_PULL_FAILED = (
        "ImagePullFailed",
        "Check the image's name in the chart's values, and its pull secrets.",
    )
    IMAGE_NOT_CONFIGURED = ("ImageNotConfigured", "Set it in the chart's values, or choose another target.")
    SECRET_NOT_FOUND = (
        "SecretNotFound",
        "Create the Secret named in spec.model.secretRef with the keys that the kind of uri needs.",
    )
    CONFIG_MAP_NOT_FOUND = (
        "ConfigMapNotFound",
        "Create the ConfigMap with that key, or correct the name of it in spec.compile.",
    )
    CLAIM_NOT_FOUND = ("ClaimNotFound", "Create the PersistentVolumeClaim or name an existing one.")
    STORAGE_NOT_BOUND = (
        "StorageNotBound",
        "Check the claim's storage class and its provisioner.",
    )
    CONTAINER_NOT_STARTED = ("ContainerNotStarted", "Look at the pod with kubectl describe.")
    COMPILE_TIMEOUT = ("CompileTimeout", "Raise spec.compile.timeoutSeconds.")

    # Parity and benchmark.
    PASSED = ("Passed",)
    MEASURED = ("Measured",)
    NOT_MEASURED = ("NotMeasured",)
    OUTSIDE_TOLERANCE = ("OutsideTolerance",)

    # Serving.
    DEPLOYING = ("Deploying",)
    SERVING = ("Serving",)
    SERVING_PREVIOUS_ARTIFACT = ("ServingPreviousArtifact",)
    SERVING_WITH_FEWER_REPLICAS = ("ServingWithFewerReplicas",)
    MOVING = ("Moving",)
    NO_SPARE_DEVICE = (
        "NoSpareDevice",
        "Add a node with the device, or set spec.rollout.maxSurge to 0 and maxUnavailable to 1: an old "
        "server then leaves before its successor comes, and a single one answers nothing meanwhile.",
    )
    ROLLED_BACK = (
        "RolledBack",
        "Another try follows when the spec or the chart's image changes, or the annotation "
        "neuron-operator.dev/retry gets a new value.",
    )
    UNDONE = ("Undone", "Take the annotation away to serve what the spec asks for.")
    UNDO_IMPOSSIBLE = (
        "UndoImpossible",
        "Name a digest of status.history, or change the spec back; what is served does not change.",
    )
    WAITING_FOR_ARTIFACT = ("WaitingForArtifact",)
    SCALED_TO_ZERO = ("ScaledToZero", "Set spec.replicas to at least 1.")
    SERVER_NOT_READY = ("ServerNotReady", "Look at the server's log.")
    SERVER_CRASH_LOOPING = ("ServerCrashLooping", "Look at the server's log.")
    SERVER_OUT_OF_MEMORY = ("ServerOutOfMemory", "Raise spec.serving.resources.limits.memory.")
    ARTIFACT_MISSING = ("ArtifactMissing", "It is compiled again by itself.")
    ARTIFACT_UNVERIFIED = ("ArtifactUnverified", "Delete the NeuronArtifact to compile and verify it anew.")
    ARTIFACT_CORRUPT = ("ArtifactCorrupt", "It is compiled again by itself; check the volume.")
    SETTINGS_INVALID = (
        "SettingsInvalid",
        "Use an operator and server images of one release, and correct spec.serving.env.",
    )
    LOCAL_COPY_FAILED = (
        "LocalCopyFailed",
        "Give the servers more ephemeral-storage in spec.serving.resources, or unset spec.serving.localCopy.",
    )
    LOAD_FAILED = ("LoadFailed", "Look at the server's log; raise its memory where that ran out.")
    WORKER_DIED = ("WorkerDied", "Look at the server's log; raise its memory where that ran out.")
    VERSION_MISMATCH = (
        "VersionMismatch",
        "Use compiler and server images of one release, and a Neuron driver that supports it.",
    )
    REPLICAS_FIXED = ("ReplicasFixed", "Take spec.replicas out to have a HorizontalPodAutoscaler.")
    SCALED_EXTERNALLY = ("ScaledExternally",)
    AUTOSCALER_PENDING = ("AutoscalerPending",)
    AUTOSCALER_ACTIVE = ("AutoscalerActive",)
    AUTOSCALER_INACTIVE = (
        "AutoscalerInactive",
        "Check that the metrics API answers and that the container requests what is measured.",
    )
    SETTLED = ("Settled",)
    ACCELERATOR_FOUND = ("AcceleratorFound",)
    NO_ACCELERATOR = ("NoAccelerator",)
    ACCELERATOR_AWAY = ("AcceleratorAway",)
    TOOLCHAIN_KEPT = ("ToolchainKept",)
    ROLL_HELD_BACK = (
        "RollHeldBack",
        "Set upgrades.rollServers in the chart's values to replace the servers.",
    )
    RUNTIME_UNMAINTAINED = (
        "RuntimeUnmaintained",
        "Set spec.serving.runtime to Triton, which serves the same artifact; nothing is compiled for it.",
    )
    FALLBACK_NOT_ALLOWED = ("FallbackNotAllowed",)
    DRIFT_REPAIRED = ("DriftRepaired",)
    SPEC_REJECTED = ("SpecRejected",)
    RECONCILE_FAILED = (
        "ReconcileFailed",
        "This is a mistake of the operator's: change the value that it names, and report it.",
    )


NEVER_STARTED = frozenset(
    {
        Reason.NODE_STARTING,
        Reason.IMAGE_PULLING,
        Reason.POD_CREATION_REFUSED,
        Reason.VOLUME_MOUNT_FAILED,
        Reason.INIT_CONTAINER_FAILED,
        Reason.UNSCHEDULABLE,
        Reason.NO_SPARE_DEVICE,
        Reason.IMAGE_PULL_FAILED,
        Reason.SECRET_NOT_FOUND,
        Reason.CONFIG_MAP_NOT_FOUND,
        Reason.CLAIM_NOT_FOUND,
        Reason.STORAGE_NOT_BOUND,
        Reason.CONTAINER_NOT_STARTED,
    }
)
"""What keeps a pod from running at all."""

_MAY_HEAL = NEVER_STARTED | {
    Reason.COMPILER_KILLED,
    Reason.CORES_BUSY,
    Reason.SOURCE_NOT_FOUND,
    Reason.EVICTED,
    Reason.POD_TURNED_AWAY,
    Reason.NODE_DISK_FULL,
    Reason.SOURCE_UNREACHABLE,
    Reason.STORAGE_FULL,
    Reason.STORAGE_UNWRITABLE,
}


def may_heal(reason: Reason) -> bool:
    """Whether another attempt with the same spec may end better, without anybody telling the operator."""
    return reason in _MAY_HEAL


def known(text: str, otherwise: Reason) -> Reason:
    """The reason of that name, `otherwise` for a name that is not in the list."""
    return Reason(text) if text in Reason._value2member_map_ else otherwise


def sentence(reason: Reason, message: str) -> str:
    """The message, closed with the reason's advice."""
    text = message.strip()
    if text and text[-1] not in ".!?":
        text += "."
    return f"{text} {reason.advice}".strip()
