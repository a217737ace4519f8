"""`python -m badfs PLACE MOUNTPOINT FAULTS`: mounts PLACE/live until the mount is taken away."""

import argparse
import logging
from pathlib import Path

import mfusepy

from badfs.durable import Disk
from badfs.faults import Faults
from badfs.files import Files


def main() -> None:
    parser = argparse.ArgumentParser(prog="badfs", description=__doc__)
    parser.add_argument("place", type=Path)
    parser.add_argument("mountpoint")
    parser.add_argument("faults", type=Path)
    parser.add_argument("--no-locks", action="store_true", help="flock answers ENOLCK")
    arguments = parser.parse_args()
    logging.getLogger("fuse").setLevel(logging.CRITICAL)
    files = Files(Disk(arguments.place), Faults(arguments.faults), locks=not arguments.no_locks)
    # What one node has done the other one sees at once. A file that is removed while it is open leaves a
    # hidden one until it is closed, as on NFS.
    mfusepy.FUSE(
        files,
        arguments.mountpoint,
        foreground=True,
        attr_timeout=0,
        entry_timeout=0,
        negative_timeout=0,
        default_permissions=True,
    )


if __name__ == "__main__":
    main()
