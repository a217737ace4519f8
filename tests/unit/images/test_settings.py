"""The machine's package settings as a build gets them: all that is needed, and no path of the machine."""

import shlex
import subprocess
from pathlib import Path

import pytest
from imagebuild.settings import MOUNTED_BUNDLE, ca_bundle, package_settings

_SCRIPT = Path(__file__).resolve().parents[3] / "images/base/build-settings"


def read(environ: dict[str, str]) -> dict[str, str]:
    """The settings as a shell understands them."""
    lines = package_settings(environ).splitlines()
    return {name: shlex.split(value)[0] for name, _, value in (line.partition("=") for line in lines)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home without any configuration."""
    (tmp_path / ".config").mkdir()
    return tmp_path


def test_a_plain_machine_needs_no_settings(home: Path) -> None:
    environ = {"PIP_CONFIG_FILE": "/dev/null", "PIP_FIND_LINKS": "/wheels", "UV_CACHE_DIR": "/cache"}
    assert read({"HOME": str(home), **environ}) == {}


def test_pips_index_serves_uv_as_well(home: Path) -> None:
    settings = read({"HOME": str(home), "PIP_INDEX_URL": "https://packages.example/simple"})
    assert settings["PIP_INDEX_URL"] == settings["UV_DEFAULT_INDEX"] == "https://packages.example/simple"


def test_pips_configuration_file_is_read_and_the_environment_wins(home: Path) -> None:
    (home / ".config/pip").mkdir()
    (home / ".config/pip/pip.conf").write_text(
        "[global]\nindex-url = https://a.example\ntrusted-host =\n  a.example\n  "
        "b.example\n[install]\ntimeout = 60\n"
    )
    settings = read({"HOME": str(home), "PIP_INDEX_URL": "https://b.example"})
    assert settings["PIP_INDEX_URL"] == "https://b.example"
    assert settings["PIP_TRUSTED_HOST"] == "a.example b.example"
    assert settings["UV_HTTP_TIMEOUT"] == "60"


def test_uvs_configuration_file_is_read(home: Path) -> None:
    (home / ".config/uv").mkdir()
    (home / ".config/uv/uv.toml").write_text(
        '[[index]]\nurl = "https://a.example"\ndefault = true\n[[index]]\nurl = "https://b.example"\n'
    )
    settings = read({"HOME": str(home)})
    assert (settings["UV_DEFAULT_INDEX"], settings["UV_INDEX"]) == ("https://a.example", "https://b.example")


def test_certificates_are_named_by_the_place_they_are_mounted_at(home: Path) -> None:
    bundle = home / "bundle.pem"
    bundle.write_text("certificates")
    environ = {"HOME": str(home), "SSL_CERT_FILE": str(bundle)}
    assert ca_bundle(environ) == bundle
    settings = read(environ)
    assert {settings[name] for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE")} == {
        MOUNTED_BUNDLE
    }
    assert str(home) not in package_settings(environ)


def test_a_bundle_that_does_not_exist_is_not_named(home: Path) -> None:
    environ = {"HOME": str(home), "SSL_CERT_FILE": "/nonexistent.pem", "PIP_CONFIG_FILE": "/dev/null"}
    assert ca_bundle(environ) is None
    assert read(environ) == {}


def test_values_with_spaces_and_quotes_reach_the_command_of_a_build(home: Path, tmp_path: Path) -> None:
    value = "http://user:p'a ss$HOME@proxy.example:3128"
    secret = tmp_path / "package-settings"
    secret.write_text(package_settings({"HOME": str(home), "HTTPS_PROXY": value}))
    script = _SCRIPT.read_text().replace("/run/secrets/package-settings", str(secret))
    done = subprocess.run(
        ["sh", "-c", script, "build-settings", "printenv", "HTTPS_PROXY"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == value + "\n"


def test_without_secrets_a_command_runs_as_it_is() -> None:
    done = subprocess.run([_SCRIPT, "echo", "as", "it is"], capture_output=True, text=True, check=True)
    assert done.stdout == "as it is\n"
