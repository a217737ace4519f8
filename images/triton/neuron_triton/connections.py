"""Who is connected to a port of this container. Source: proc(5), /proc/net/tcp."""

from collections.abc import Iterable
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED = "01"


def established(port: int, tables: Iterable[Path] = _TABLES) -> int:
    """Return how many clients have a connection to the port."""
    count = 0
    for table in tables:
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            count += state == _ESTABLISHED and int(local.rpartition(":")[2], 16) == port
    return count
