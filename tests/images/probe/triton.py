"""Triton's server starts as far as its help, its Python backend finds its libraries; ours are imported."""

import subprocess

from neuron_serving import gate, plan, settings  # noqa: F401
from neuron_triton import front, repository, tritonserver  # noqa: F401

done = subprocess.run(["/opt/tritonserver/bin/tritonserver", "--help"], capture_output=True, text=True)
assert "--model-repository" in done.stdout + done.stderr, done
stub = "/opt/tritonserver/backends/python/triton_python_backend_stub"
linked = subprocess.run(["ldd", stub], capture_output=True, text=True, check=True).stdout
assert "not found" not in linked, linked
