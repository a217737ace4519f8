"""What the release workflow publishes is what the chart's own values ask for, and the workflows are well
formed."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

_ROOT = Path(__file__).resolve().parents[2]
_WORKFLOWS = sorted((_ROOT / ".github/workflows").glob("*.yml"))
_WORKFLOW = _ROOT / ".github/workflows/release.yml"
_ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(_WORKFLOW)["jobs"][job]["steps"]
    return found


def test_the_charts_registry_is_the_one_that_is_published_to() -> None:
    values = read(_ROOT / "charts/neuron-operator/values.yaml")["images"]
    assert values["registry"] == read(_WORKFLOW)["env"]["REGISTRY"]
    (push,) = [step["with"] for step in steps("operator") if "build-push-action" in step.get("uses", "")]
    assert push["tags"].startswith(f"${{{{ env.REGISTRY }}}}/{values['operator']['repository']}:")
    assert set(push["platforms"].split(",")) == {"linux/amd64", "linux/arm64"}


def test_the_cpus_images_are_published_under_the_tag_that_the_chart_makes() -> None:
    (command,) = [step["run"] for step in steps("cpu") if "images/build.py" in step.get("run", "")]
    assert "--family cpu" in command
    assert '--registry "$REGISTRY" --push --tag "$VERSION"' in command
    assert (
        read(_ROOT / "charts/neuron-operator/Chart.yaml")["appVersion"]
        in (_ROOT / "pyproject.toml").read_text()
    )


@pytest.mark.parametrize("job", ["operator", "cpu", "chart"])
def test_everything_that_is_published_is_signed(job: str) -> None:
    assert any("cosign sign --yes" in step.get("run", "") for step in steps(job))


def test_a_strangers_fork_runs_every_test_on_kind() -> None:
    job = read(_ROOT / ".github/workflows/test.yml")["jobs"]["kind"]
    assert "make test-kind" in [step.get("run") for step in job["steps"]]
    assert job["permissions"] == {"contents": "read"}
    assert "secrets." not in str(job)


@pytest.mark.parametrize("path", _WORKFLOWS, ids=lambda path: path.stem)
def test_no_job_has_rights_that_it_does_not_say(path: Path) -> None:
    workflow = read(path)
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())


def test_the_workflows_are_well_formed() -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("actionlint is built with Go, which is not installed")
    done = subprocess.run(
        [go, "run", _ACTIONLINT, *map(str, _WORKFLOWS)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
