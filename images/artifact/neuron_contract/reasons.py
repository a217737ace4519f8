"""The reasons that the images give; the operator has each of them, with its advice."""

from enum import Enum


# Not a StrEnum: AWS's container for inf1 has Python 3.10.
class ImageReason(str, Enum):  # noqa: UP042
    """Why a Job or a server gave up, one CamelCase word."""

    # Fetching.
    SOURCE_NOT_FOUND = "SourceNotFound"
    REVISION_NOT_FOUND = "RevisionNotFound"
    SOURCE_UNAUTHORIZED = "SourceUnauthorized"
    HOST_NOT_ALLOWED = "HostNotAllowed"
    SOURCE_UNREACHABLE = "SourceUnreachable"
    CHECKSUM_MISMATCH = "ChecksumMismatch"

    # Compiling and verifying.
    MODEL_UNREADABLE = "ModelUnreadable"
    UNSUPPORTED_ARCHITECTURE = "UnsupportedArchitecture"
    UNSUPPORTED_OPERATOR = "UnsupportedOperator"
    DYNAMIC_SHAPE = "DynamicShape"
    CUSTOM_CODE_FAILED = "CustomCodeFailed"
    REMOTE_CODE_REFUSED = "RemoteCodeRefused"
    SEQUENCE_TOO_LONG = "SequenceTooLong"
    COMPILER_CRASHED = "CompilerCrashed"
    COMPILER_OUT_OF_MEMORY = "CompilerOutOfMemory"
    COMPILER_REFUSED = "CompilerRefused"
    TOOLCHAIN_MISSING = "ToolchainMissing"
    MODEL_TOO_LARGE = "ModelTooLarge"
    NOT_ON_DEVICE = "NotOnDevice"
    PARITY_FAILED = "ParityFailed"
    ANSWERS_DIFFER = "AnswersDiffer"
    COMPILE_TIMEOUT = "CompileTimeout"
    TOO_SLOW = "TooSlow"

    # The accelerator, when compiling, verifying and serving.
    DEVICE_OUT_OF_MEMORY = "DeviceOutOfMemory"
    DEVICE_MISSING = "DeviceMissing"
    DEVICE_TIMED_OUT = "DeviceTimedOut"
    DRIVER_MISMATCH = "DriverMismatch"
    CORES_BUSY = "CoresBusy"

    # The store.
    STORAGE_FULL = "StorageFull"
    STORAGE_UNWRITABLE = "StorageUnwritable"

    # The node's disk, where a pod's scratch space is.
    DISK_FULL = "DiskFull"
    NODE_DISK_FULL = "NodeDiskFull"

    # Serving.
    ARTIFACT_MISSING = "ArtifactMissing"
    ARTIFACT_CORRUPT = "ArtifactCorrupt"
    ARTIFACT_UNVERIFIED = "ArtifactUnverified"
    VERSION_MISMATCH = "VersionMismatch"
    SETTINGS_INVALID = "SettingsInvalid"
    LOCAL_COPY_FAILED = "LocalCopyFailed"
    LOAD_FAILED = "LoadFailed"
    WORKER_DIED = "WorkerDied"
    SERVER_OUT_OF_MEMORY = "ServerOutOfMemory"
