"""How the process of a Job or of a server ends."""

DONE = 0
FAILED = 10
"""Another attempt would end the same."""
MAY_HEAL = 11
"""Another attempt may end better."""
KILLED = 137
"""What the kubelet reports of a process that got SIGKILL: out of memory, or from outside."""
