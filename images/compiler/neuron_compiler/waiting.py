"""What is said while another compile of the same digest goes on."""

from collections.abc import Callable


def say_waiting(digest: str) -> Callable[[], None]:
    """Tells the log, once."""

    def say() -> None:
        print(f"publish: another compile of {digest} goes on; waiting for it", flush=True)

    return say
