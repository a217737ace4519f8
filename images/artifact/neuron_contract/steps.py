"""The containers of a Job, each with the right to less than the one before or after it needs.

Their names are also the words by which the image is told what to do.
"""

FETCH = "fetch"
"""Init container: the network, the Secret and the store; none of the model's code."""
COMPILE = "compile"
"""Init container: the model's code and the compiler; no Secret, and of the store its own directory alone."""
PUBLISH = "publish"
"""The store; none of the model's code, and nothing is unpickled."""

VERIFY = "verify"
"""Init container: runs the compiled model on the accelerator; the store is read-only."""
RECORD = "record"
"""The store: writes the verdict beside the artifact, and runs nothing of it."""

COLLECT = "collect"
"""Removes an artifact's files."""
SCRUB = "scrub"
"""Looks whether an artifact's files are those that were published; the store is read-only."""

OF_COMPILING = (FETCH, COMPILE, PUBLISH)
OF_VERIFYING = (VERIFY, RECORD)
ALL = (*OF_COMPILING, *OF_VERIFYING, COLLECT, SCRUB)
