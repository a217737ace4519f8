"""The machine's package indexes, proxies and certificates, handed to a build as secrets.

`images/base/build-settings` reads them inside the build. Nothing of them stays in the image.
"""

import configparser
import os
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOUNTED_BUNDLE = "/run/secrets/ca-bundle"

_CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
# pip's option: the variable pip reads, and the one uv reads for the same thing.
_OPTIONS = {
    "index-url": ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
    "extra-index-url": ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
    "trusted-host": ("PIP_TRUSTED_HOST", "UV_INSECURE_HOST"),
    "timeout": ("PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT"),
}


def pip_options(environ: Mapping[str, str]) -> dict[str, str]:
    """What pip is configured to use on this machine, by option; the environment wins over files."""
    home = Path(environ.get("HOME", "/root"))
    config = Path(environ.get("XDG_CONFIG_HOME", home / ".config"))
    paths = [Path("/etc/pip.conf"), home / ".pip/pip.conf", config / "pip/pip.conf"]
    if "PIP_CONFIG_FILE" in environ:
        # As for pip itself, the null device means that no file counts.
        own = environ["PIP_CONFIG_FILE"]
        paths = [] if own == os.devnull else [*paths, Path(own)]
    parser = configparser.RawConfigParser(strict=False)
    parser.read(path for path in paths if path.is_file())
    options: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            options |= {
                key.replace("_", "-"): " ".join(value.split()) for key, value in parser.items(section)
            }
    for key, (variable, _) in _OPTIONS.items():
        if environ.get(variable):
            options[key] = environ[variable]
    return options


def uv_options(environ: Mapping[str, str]) -> dict[str, str]:
    """What uv is configured to use on this machine, as uv's variables; the environment wins over files."""
    home = Path(environ.get("HOME", "/root"))
    config = Path(environ.get("XDG_CONFIG_HOME", home / ".config"))
    options: dict[str, str] = {}
    for path in (Path("/etc/uv/uv.toml"), config / "uv/uv.toml"):
        if path.is_file():
            options |= _from_uv_file(tomllib.loads(path.read_text()))
    if "UV_INDEX_URL" in environ:
        options["UV_DEFAULT_INDEX"] = environ["UV_INDEX_URL"]
    if "UV_EXTRA_INDEX_URL" in environ:
        options["UV_INDEX"] = environ["UV_EXTRA_INDEX_URL"]
    for _, variable in _OPTIONS.values():
        if environ.get(variable):
            options[variable] = environ[variable]
    return options


def _from_uv_file(content: Mapping[str, Any]) -> dict[str, str]:
    options: dict[str, str] = {}
    if "index-url" in content:
        options["UV_DEFAULT_INDEX"] = str(content["index-url"])
    extra = [str(url) for url in content.get("extra-index-url", [])]
    for index in content.get("index", []):
        if index.get("default"):
            options["UV_DEFAULT_INDEX"] = str(index["url"])
        else:
            extra.append(str(index["url"]))
    if extra:
        options["UV_INDEX"] = " ".join(extra)
    return options


def ca_bundle(environ: Mapping[str, str]) -> Path | None:
    """The certificates this machine trusts, where it names a file of its own; None where it doesn't."""
    names = [environ.get(name, "") for name in _CA_VARIABLES] + [pip_options(environ).get("cert", "")]
    return next((Path(name) for name in names if name and Path(name).is_file()), None)


def package_settings(environ: Mapping[str, str]) -> str:
    """The settings as shell assignments, one a line, for a POSIX shell to source."""
    variables = {name: environ[name] for name in _PROXY_VARIABLES if environ.get(name)}
    pip = pip_options(environ)
    for key, names in _OPTIONS.items():
        if key in pip:
            variables |= dict.fromkeys(names, pip[key])
    variables |= uv_options(environ)
    if ca_bundle(environ):
        variables |= dict.fromkeys(_CA_VARIABLES, MOUNTED_BUNDLE)
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))
