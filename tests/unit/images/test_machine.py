"""What the build tool learns from the machine: commands that fail, registries, free space."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from imagebuild import engines, packages, progress, registry
from imagebuild.disk import check_space
from imagebuild.errors import BuildError


def test_a_failed_command_ends_in_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "logs/base.log"
    with pytest.raises(
        BuildError, match=r"ended with code 3 \(whole log: .*base\.log\):\n(.*\n)*no such package"
    ):
        progress.run(["sh", "-c", "seq 100; echo no such package >&2; exit 3"], log)
    assert log.read_text().splitlines() == [*map(str, range(1, 101)), "no such package"]


def test_build_steps_are_shown_and_the_rest_is_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    progress.run(["sh", "-c", "echo 'STEP 1/2: FROM x'; echo noise; echo '#5 [2/2] RUN y'"], tmp_path / "log")
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["    STEP 1/2: FROM x", "    #5 [2/2] RUN y"]
    assert shown.out == ""


@pytest.fixture
def host() -> Iterator[str]:
    """A registry with one tag."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            known = self.path == "/v2/neuron-operator/base/manifests/abc"
            self.send_response(200 if known and "oci.image.manifest" in self.headers["Accept"] else 404)
            self.send_header("Docker-Content-Digest", "sha256:abc")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_registry_is_asked_for_the_tag(host: str) -> None:
    assert registry.digest(host, "neuron-operator/base", "abc", insecure=True) == "sha256:abc"
    assert registry.digest(host, "neuron-operator/base", "abd", insecure=True) is None


def test_a_registry_that_does_not_answer_has_nothing() -> None:
    assert registry.digest("127.0.0.1:1", "neuron-operator/base", "abc", insecure=True) is None
    assert not registry.answers("127.0.0.1:1")
    assert not registry.serves("http://127.0.0.1:1/torch/")


def test_too_little_space_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 10 * 2**30})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    check_space(tmp_path, heavy=False)
    with pytest.raises(
        BuildError, match=r"needs about 20 GiB free under .* and there are 10: free some space"
    ):
        check_space(tmp_path, heavy=True)


def _nowhere(program: str, path: str | None = None) -> None:
    """No program is anywhere."""


def test_without_any_engine_the_user_learns_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", _nowhere)
    assert not packages.have("buildah")
    with pytest.raises(BuildError, match="start Docker, or install buildah"):
        engines.find_engine()
