"""Downloads by https from a server with a certificate of its own authority."""

import hashlib
import io
import json
import random
import tarfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import certificates
from neuron_compiler.failure import CompileError
from neuron_compiler.progress import Progress
from neuron_compiler.request import Model
from neuron_compiler.sources import fetch, https
from toolbox.cutter import cutting
from unit.compiler import server

WEIGHTS = random.Random(1).randbytes(3_000_000)
TOKEN = "opens-the-door"  # noqa: S105
NO_PAUSES = (0.0, 0.0, 0.0)


def packed() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, data in (("bert/config.json", b"{}"), ("bert/model.safetensors", WEIGHTS)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return content.getvalue()


ARCHIVE = packed()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> certificates.Pair:
    directory = tmp_path_factory.mktemp("certificates")
    authority = certificates.authority(directory, "authority")
    return certificates.server(authority, "server", ["localhost"], ["127.0.0.1"])


@pytest.fixture
def site() -> server.Site:
    return server.Site({"/bert.tar": ARCHIVE})


@pytest.fixture
def port(site: server.Site, pair: certificates.Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setenv("SSL_CERT_FILE", str(pair.directory / "authority.crt"))
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    # What urllib keeps between requests, proxies and authorities, is of the environment before.
    monkeypatch.setattr(urllib.request, "_opener", None)
    with server.https(site, pair) as port:
        yield port


def model(port: int, content: bytes = ARCHIVE, host: str = "127.0.0.1") -> Model:
    sha256 = hashlib.sha256(content).hexdigest()
    uri = f"https://{host}:{port}/bert.tar"
    return Model(uri, None, sha256, "feature-extraction", "Auto", None, False)


def refused(asked: Model, environ: dict[str, str]) -> CompileError:
    with pytest.raises(CompileError) as caught:
        https.download(asked, environ, Progress, NO_PAUSES)
    return caught.value


def test_an_archive_is_downloaded_checked_and_unpacked(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = fetch(model(port), {"TMPDIR": str(tmp_path)})
    assert (source.directory / "model.safetensors").read_bytes() == WEIGHTS
    assert source.revision is None
    lines = capsys.readouterr().out.splitlines()
    told = [json.loads(line.removeprefix("progress: ")) for line in lines if line.startswith("progress: ")]
    assert told[0] == {
        "step": "fetch",
        "unit": "bytes",
        "done": 0,
        "total": len(ARCHIVE),
        "etaSeconds": None,
    }
    assert (told[-1]["done"], told[-1]["etaSeconds"]) == (len(ARCHIVE), 0)


def test_a_dropped_connection_is_gone_on_from_where_it_stopped(
    site: server.Site, port: int, tmp_path: Path
) -> None:
    with cutting(port, 1_000_000, 2_500_000) as cutter:
        found = https.download(model(cutter.port), {"TMPDIR": str(tmp_path)}, Progress, NO_PAUSES)
        assert cutter.left == 0
    assert (found / "model.safetensors").read_bytes() == WEIGHTS
    starts = [int(asked.split("=")[1].rstrip("-")) for _, asked, _ in site.asked if asked]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1] < len(ARCHIVE)


def test_a_server_without_ranges_is_read_from_the_start_again(
    site: server.Site, port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.ranges = False
    with cutting(port, 2_000_000) as cutter:
        found = https.download(model(cutter.port), {"TMPDIR": str(tmp_path)}, Progress, NO_PAUSES)
        assert cutter.left == 0
    assert (found / "model.safetensors").read_bytes() == WEIGHTS
    last = [line for line in capsys.readouterr().out.splitlines() if line.startswith("progress: ")][-1]
    assert json.loads(last.removeprefix("progress: "))["done"] == len(ARCHIVE)


def test_content_that_changed_between_two_tries_is_never_put_together(
    site: server.Site, port: int, tmp_path: Path
) -> None:
    new = ARCHIVE.replace(WEIGHTS, WEIGHTS[::-1])

    class Changing(Progress):
        def advance(self, n: int) -> None:
            super().advance(n)
            site.files["/bert.tar"] = new

    with cutting(port, 2_000_000) as cutter:
        asked = model(cutter.port, new)
        found = https.download(asked, {"TMPDIR": str(tmp_path)}, Changing, NO_PAUSES)
        assert cutter.left == 0
    assert (found / "model.safetensors").read_bytes() == WEIGHTS[::-1]


def test_another_checksum_is_told_and_nothing_is_kept(port: int, tmp_path: Path) -> None:
    error = refused(model(port, b"other"), {"TMPDIR": str(tmp_path)})
    assert (error.reason, error.exit_code) == ("ChecksumMismatch", 10)
    assert hashlib.sha256(ARCHIVE).hexdigest() in error.message
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("token", "hint"), [("", "give a token in"), ("wrong", "a token that may read it")])
def test_without_the_right_token_the_message_asks_for_one(
    site: server.Site, port: int, tmp_path: Path, token: str, hint: str
) -> None:
    site.token = TOKEN
    error = refused(
        model(port), {"TMPDIR": str(tmp_path), "SOURCE_TOKEN": token, "SOURCE_HOSTS": "127.0.0.1"}
    )
    assert error.reason == "SourceUnauthorized"
    assert hint in error.message


def test_a_token_is_not_sent_where_a_redirect_leads(site: server.Site, port: int, tmp_path: Path) -> None:
    site.redirects["/bert.tar"] = f"https://localhost:{port}/elsewhere.tar"
    site.files["/elsewhere.tar"] = ARCHIVE
    environ = {"TMPDIR": str(tmp_path), "SOURCE_TOKEN": TOKEN, "SOURCE_HOSTS": "other.example,127.0.0.1"}
    https.download(model(port), environ, Progress, NO_PAUSES)
    said = {path: authorization for path, _, authorization in site.asked}
    assert said == {"/bert.tar": f"Bearer {TOKEN}", "/elsewhere.tar": None}


@pytest.mark.parametrize("named", ["", "127.0.0.10", "27.0.0.1 example.org", "localhost", "127.0.0.1:1"])
def test_a_token_is_sent_to_no_host_that_its_secret_does_not_name(
    site: server.Site, port: int, tmp_path: Path, named: str
) -> None:
    environ = {"TMPDIR": str(tmp_path), "SOURCE_TOKEN": TOKEN, "SOURCE_HOSTS": named}
    error = refused(model(port), environ)
    assert (error.reason, error.exit_code) == ("HostNotAllowed", 10)
    assert "may be sent to 127.0.0.1: name the host in its key `hosts`" in error.message
    assert TOKEN not in error.message
    assert site.asked == []


def test_a_secret_may_name_a_host_with_its_port(site: server.Site, port: int, tmp_path: Path) -> None:
    site.token = TOKEN
    environ = {
        "TMPDIR": str(tmp_path),
        "SOURCE_TOKEN": TOKEN,
        "SOURCE_HOSTS": f"a.example\n127.0.0.1:{port}\n",
    }
    assert https.download(model(port), environ, Progress, NO_PAUSES).is_dir()


@pytest.mark.parametrize("leads_to", ["http://127.0.0.1:{port}/x.tar", "ftp://a/x.tar"])
def test_a_redirect_away_from_https_is_not_followed(
    site: server.Site, port: int, tmp_path: Path, leads_to: str
) -> None:
    site.redirects["/bert.tar"] = target = leads_to.format(port=port)
    error = refused(model(port), {"TMPDIR": str(tmp_path)})
    assert (error.reason, error.exit_code) == ("HostNotAllowed", 10)
    assert target in error.message
    assert [path for path, _, _ in site.asked] == ["/bert.tar"]


def test_what_is_not_there_is_not_found(site: server.Site, port: int, tmp_path: Path) -> None:
    site.files.clear()
    error = refused(model(port), {"TMPDIR": str(tmp_path)})
    assert (error.reason, error.exit_code) == ("SourceNotFound", 10)


def test_a_certificate_of_an_unknown_authority_is_not_trusted(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = certificates.authority(tmp_path, "stranger")
    monkeypatch.setenv("SSL_CERT_FILE", str(stranger.certificate))
    error = refused(model(port), {"TMPDIR": str(tmp_path)})
    assert (error.reason, error.exit_code) == ("SourceUnreachable", 11)
    assert "its certificate is not trusted" in error.message


def test_a_server_that_always_drops_the_connection_may_heal(port: int, tmp_path: Path) -> None:
    with cutting(port, *range(1, 20)) as cutter:
        error = refused(model(cutter.port), {"TMPDIR": str(tmp_path)})
    assert (error.reason, error.exit_code) == ("SourceUnreachable", 11)
