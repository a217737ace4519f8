"""Downloads from a real server of S3's protocol, by the real client of S3 where boto3 is installed."""

import json
import os
import random
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cluster import tools
from neuron_compiler.failure import CompileError
from neuron_compiler.request import Model
from neuron_compiler.sources import fetch, s3
from support.wait import eventually
from toolbox.cutter import cutting

pytest.importorskip("boto3", reason="boto3, which the compiler image has, is not installed")

WEIGHTS = random.Random(2).randbytes(20_000_000)
KEYS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "only-for-these-tests"}


@dataclass(frozen=True)
class Server:
    """A server on this machine, and the client that filled it."""

    port: int
    client: Any

    def environ(self, directory: Path, port: int | None = None) -> dict[str, str]:
        """The environment of a compile pod, whose endpoint is `port` where that is given."""
        endpoint = f"http://127.0.0.1:{port or self.port}"
        region = {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1"}
        return {**KEYS, **region, "TMPDIR": str(directory)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("s3")
    for name in ("data", "meta"):
        (root / name).mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["--port", f"127.0.0.1:{port}", "--quiet", "posix", "--sidecar", f"{root}/meta", f"{root}/data"]
    credentials = {
        "ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"],
        "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"],
    }
    process = subprocess.Popen([tools.find_or_build(tools.S3), *words], env={**os.environ, **credentials})

    def answers() -> bool:
        assert process.poll() is None, f"the server ended with {process.returncode}"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(answers, what="the S3 server listens", timeout=30)
        unfilled = Server(port, None)
        client = s3.client(unfilled.environ(root))
        client.create_bucket(Bucket="models")
        client.put_object(Bucket="models", Key="team/bert/config.json", Body=b"{}")
        client.put_object(Bucket="models", Key="team/bert-large/config.json", Body=b"{}")
        (root / "weights").write_bytes(WEIGHTS)
        client.upload_file(str(root / "weights"), "models", "team/bert/model.safetensors")
        client.put_object(Bucket="models", Key="team/bert/onnx/model.onnx", Body=b"not for us")
        yield Server(port, client)
    finally:
        process.terminate()
        process.wait(30)


def model(uri: str) -> Model:
    return Model(uri, None, None, "feature-extraction", "Auto", None, False)


def refused(uri: str, environ: dict[str, str]) -> CompileError:
    with pytest.raises(CompileError) as caught:
        fetch(model(uri), environ)
    return caught.value


def test_what_a_compile_needs_below_the_prefix_is_downloaded_and_nothing_else(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = fetch(model("s3://models/team/bert"), server.environ(tmp_path))
    assert {path.name for path in source.directory.iterdir()} == {"config.json", "model.safetensors"}
    assert (source.directory / "model.safetensors").read_bytes() == WEIGHTS
    assert source.revision is None
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("progress: ")]
    last = json.loads(lines[-1].removeprefix("progress: "))
    total = len(WEIGHTS) + 2
    assert last == {"step": "fetch", "unit": "bytes", "done": total, "total": total, "etaSeconds": 0}


def test_a_dropped_connection_costs_no_more_than_its_part(server: Server, tmp_path: Path) -> None:
    with cutting(server.port, 5_000_000, 12_000_000) as cutter:
        source = fetch(model("s3://models/team/bert"), server.environ(tmp_path, cutter.port))
        assert cutter.left == 0
        # Parts of 8 MiB: two cuts may bring two of them anew, never the whole file.
        assert cutter.passed < len(WEIGHTS) + 2 * (8 << 20) + 1_000_000
    assert (source.directory / "model.safetensors").read_bytes() == WEIGHTS


def test_a_file_that_is_not_what_the_bucket_holds_is_told(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1]))
    item = s3.Object("team/bert/model.safetensors", path.name, len(WEIGHTS))
    with pytest.raises(CompileError) as caught:
        s3.check(server.client, "models", item, path)
    assert (caught.value.reason, caught.value.exit_code) == ("ChecksumMismatch", 11)
    assert not path.exists()


@pytest.mark.parametrize(
    ("uri", "changes", "reason", "says"),
    [
        ("s3://models/team/ber", {}, "SourceNotFound", "nothing below team/ber"),
        ("s3://absent/bert", {}, "SourceNotFound", "NoSuchBucket"),
        ("s3://models/team/bert", {"AWS_SECRET_ACCESS_KEY": "x"}, "SourceUnauthorized", "secretRef"),
        ("s3://models/team/bert", {"AWS_SECRET_ACCESS_KEY": ""}, "SourceUnauthorized", "give both"),
    ],
)
def test_what_s3_refuses_has_its_reason(
    server: Server, tmp_path: Path, uri: str, changes: dict[str, str], reason: str, says: str
) -> None:
    error = refused(uri, server.environ(tmp_path) | changes)
    assert (error.reason, error.exit_code) == (reason, 10)
    assert says in error.message


def test_a_server_that_does_not_answer_may_heal(server: Server, tmp_path: Path) -> None:
    error = refused("s3://models/team/bert", server.environ(tmp_path, 1))
    assert (error.reason, error.exit_code) == ("SourceUnreachable", 11)
    assert "s3.endpoint in the chart" in error.message
