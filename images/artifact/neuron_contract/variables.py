"""Names in the environment that the operator gives to containers."""

COMPILE_REQUEST = "COMPILE_REQUEST"
"""`request.Request` as JSON."""
MANIFEST_SHA256 = "ARTIFACT_MANIFEST_SHA256"
"""The sha256 of the only manifest that may be loaded; absent where none is known."""
STEP_SECONDS = "STEP_SECONDS"
"""For how long the step may work; waiting for a lock or for a file system that stalls is not counted."""
POD_NAME = "POD_NAME"
MEMORY_LIMIT = "MEMORY_LIMIT"
"""Bytes."""
CPU_LIMIT = "CPU_LIMIT"
"""Millicores."""
SCRATCH_LIMIT = "SCRATCH_LIMIT"
"""Bytes that the pod may write to its node's disk; all that the node has where nothing bounds it."""
CPU_REQUEST = "CPU_REQUEST"
"""Millicores."""

STORE_PATH = "STORE_PATH"
"""The namespace's part of the store."""
WORK_PATH = "WORK_PATH"
"""Of the store what belongs to this digest's unfinished work alone."""
MODEL_PATH = "MODEL_PATH"
"""What was fetched: written by one container, read-only in the others."""
SOURCE_PATH = "SOURCE_PATH"
"""The claim of a pvc:// uri."""
REPORT_PATH = "REPORT_PATH"
"""What verifying found, for the container that records it."""

# How to reach a source: in the fetching container alone.
HF_ENDPOINT = "HF_ENDPOINT"
HF_TOKEN = "HF_TOKEN"  # noqa: S105
SOURCE_TOKEN = "SOURCE_TOKEN"  # noqa: S105
SOURCE_HOSTS = "SOURCE_HOSTS"
"""The Secret's key `hosts`: where its `token` may be sent, names apart by spaces, commas or lines."""
S3_ENDPOINT = "AWS_ENDPOINT_URL_S3"
S3_REGION = "AWS_DEFAULT_REGION"
S3_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
S3_OPTIONAL_KEYS = ("AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL")
SECRETS = frozenset({HF_TOKEN, SOURCE_TOKEN, *S3_KEYS, *S3_OPTIONAL_KEYS})
"""What may come from a Secret; no process has it that runs a model's code."""

# A server's.
MODEL_NAME = "MODEL_NAME"
ARTIFACT_DIGEST = "ARTIFACT_DIGEST"
TARGET = "TARGET"
SERVING_CORES = "SERVING_CORES"
BATCH_ROWS = "BATCH_ROWS"
BATCH_DELAY = "BATCH_DELAY"
"""Milliseconds."""
LOCAL_COPY = "LOCAL_COPY"
REQUEST_LOG = "REQUEST_LOG"

# A collect or scrub Job's.
DIGEST = "DIGEST"
