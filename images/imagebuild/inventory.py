"""What is installed in an image: Debian's packages and Python's distributions, from their own records."""

import io
import re
import tarfile
from dataclasses import dataclass
from email.parser import HeaderParser
from urllib.parse import quote

# Runs in the image: an archive of the records, to standard output. $1 is the root, / in an image.
SCRIPT = r"""
cd "${1:-/}" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev \) -prune -o -type f \( \
    -path ./var/lib/dpkg/status -o -path './var/lib/dpkg/status.d/*' -o -path ./usr/lib/os-release \
    -o -path '*.dist-info/METADATA' -o -path '*.egg-info/PKG-INFO' \) -print0 2> /dev/null |
    tar --create --null --files-from - --file - 2> /dev/null
"""
_STATUS = re.compile(r"(\./)?var/lib/dpkg/status(\.d/[^/]+)?")
_OS = re.compile(r"(\./)?usr/lib/os-release")


@dataclass(frozen=True, order=True)
class Component:
    """One installed package; `purl` names it to whoever keeps lists of vulnerabilities."""

    name: str
    version: str
    purl: str
    licence: str = ""


def components(archive: bytes) -> list[Component]:
    """The packages in an archive of records, each once, by name."""
    texts: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as records:
        for member in records:
            file = records.extractfile(member)
            if file is not None:
                texts[member.name] = file.read().decode(errors="replace")
    system = next((_system(text) for name, text in texts.items() if _OS.fullmatch(name)), "")
    found: set[Component] = set()
    for name, text in texts.items():
        if _STATUS.fullmatch(name):
            found |= {made for block in text.split("\n\n") if (made := _debian(block, system))}
        elif name.endswith(("/METADATA", "/PKG-INFO")):
            found |= {made for made in [_python(text)] if made}
    # One package may lie in two places, with its name in two spellings.
    return sorted({each.purl: each for each in sorted(found)}.values())


def _system(text: str) -> str:
    """What a purl says of the distribution: `debian-12`."""
    said = dict(line.partition("=")[::2] for line in text.splitlines())
    parts = [said.get(key, "").strip('"') for key in ("ID", "VERSION_ID")]
    return "-".join(part for part in parts if part)


def _debian(block: str, system: str) -> Component | None:
    said = HeaderParser().parsestr(block)
    name, version = said["Package"], said["Version"]
    # What was removed and has left its settings is not installed.
    if not name or not version or "installed" not in (said["Status"] or "installed").split():
        return None
    vendor = system.partition("-")[0] or "debian"
    told = {"arch": said["Architecture"], "distro": system}
    further = "&".join(f"{key}={quote(value, safe='')}" for key, value in told.items() if value)
    purl = f"pkg:deb/{vendor}/{quote(name, safe='')}@{quote(version, safe='')}"
    return Component(name, version, f"{purl}?{further}" if further else purl)


def _python(text: str) -> Component | None:
    said = HeaderParser().parsestr(text)
    name, version = said["Name"], said["Version"]
    if not name or not version:
        return None
    # As the index writes it; a `+` of a local version stands for itself nowhere in a purl.
    known = re.sub(r"[-_.]+", "-", name).lower()
    licence = said["License-Expression"] or ""
    return Component(name, version, f"pkg:pypi/{known}@{quote(version, safe='')}", licence)
