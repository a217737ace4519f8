"""What requests may hold together, and each client's fair share of it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from neuron_serving.front.refusal import TOO_MANY, Refusal


class Admission:
    """Amounts of one kind that are held at the moment, by whom; not for several threads.

    One client may hold half of the whole, so that others still get in beside one that takes all it can.
    """

    def __init__(self, total: int, what: str) -> None:
        self._total, self._what = total, what
        self._held = 0
        self._by_source: Counter[str] = Counter()

    @contextmanager
    def share(self, source: str) -> Iterator["Share"]:
        """A client's share, given back when the request has ended."""
        share = Share(self, source)
        try:
            yield share
        finally:
            self._give(source, share.amount)

    def take(self, source: str, amount: int) -> None:
        """Raises Refusal (429) where there is no room. What finds nothing held is never too large."""
        if self._held and self._held + amount > self._total:
            raise Refusal(TOO_MANY, f"The server holds as many {self._what} as it can: ask again later.")
        own = self._by_source[source]
        if own and own + amount > self._total // 2:
            raise Refusal(TOO_MANY, f"You hold as many {self._what} here as one client may: ask again later.")
        self._held += amount
        self._by_source[source] += amount

    def _give(self, source: str, amount: int) -> None:
        self._held -= amount
        self._by_source[source] -= amount
        if not self._by_source[source]:
            del self._by_source[source]


class Share:
    """What one request holds."""

    def __init__(self, admission: Admission, source: str) -> None:
        self._admission, self.source = admission, source
        self.amount = 0

    def grow(self, amount: int) -> None:
        """Hold more. Raises Refusal (429) where there is no room."""
        self._admission.take(self.source, amount)
        self.amount += amount
