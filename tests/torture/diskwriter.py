"""`python -m torture.diskwriter STORE DIGEST POD`: does with the store what a compile Job does.

Every file says whose it is, so that an artifact of two writers' files is known for one.
"""

import sys
from pathlib import Path

from neuron_artifact import Attempt, Publication, work, work_path, writer_lock
from unit.artifact.sample import fill, small_manifest

_MARK = b"\nwritten by "


def write(store: Path, digest: str, pod: str) -> None:
    """Compile, and publish."""
    place = work_path(store, digest)
    attempt = Attempt(place, pod)
    with writer_lock(place, lambda: None) as alone:
        if alone:
            work.clean(place)
        attempt.begin()
        fill(attempt.files)
        for path in sorted(attempt.files.rglob("*")):
            if path.is_file():
                with path.open("ab") as file:
                    file.write(_MARK + pod.encode())
        attempt.finish({})
    with writer_lock(place, lambda: None) as alone, Publication(store, digest, pod, attempt) as publication:
        publication.publish(small_manifest(digest))
        work.mark_published(place)
        if alone:
            work.clean(place, finished=True)


def writer_of(path: Path) -> str:
    """Whose file it is. Raises ValueError where it does not say."""
    _, mark, pod = path.read_bytes().rpartition(_MARK)
    if not mark:
        raise ValueError(f"{path} says not whose it is")
    return pod.decode()


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
