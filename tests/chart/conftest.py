"""The helm program, and the values that an EKS user starts from."""

from pathlib import Path

import pytest
from chart.helm import ROOT, VALUES, Helm
from cluster import tools

PLACEHOLDERS = {
    "<account>": "123456789012",
    "<region>": "eu-west-1",
    "<file-system-id>": "fs-0123456789abcdef0",
}


@pytest.fixture(scope="session")
def helm() -> Helm:
    """The pinned helm, built if it is not in the cache."""
    return Helm(tools.build(tools.HELM), tools.kubernetes_version())


@pytest.fixture(scope="module", params=["default", "namespaced", "eks"])
def values(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Values files: the least, every option changed, and the EKS example with its placeholders filled in."""
    if request.param != "eks":
        return VALUES / f"{request.param}.yaml"
    text = (ROOT / "examples" / "eks-values.yaml").read_text()
    for placeholder, value in PLACEHOLDERS.items():
        assert placeholder in text, f"examples/eks-values.yaml no longer has {placeholder}"
        text = text.replace(placeholder, value)
    filled = tmp_path_factory.mktemp("values") / "eks.yaml"
    filled.write_text(text)
    return filled
