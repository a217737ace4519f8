"""Namespaces that the operator may not read, as its Role there was taken away: others go on without them.

Nothing is decided there, as what can't be listed looks gone. Nothing can be written there either: the log
and a metric tell of it.
"""

import logging

from neuron_operator.terms.kinds import Kind
from neuron_operator.world import metrics

logger = logging.getLogger(__name__)


class Doors:
    """Which namespaces may be read, by what the API server last said of each kind."""

    def __init__(self) -> None:
        self._shut: dict[str, set[Kind]] = {}

    @property
    def any_shut(self) -> bool:
        """Whether some namespace is left alone."""
        return bool(self._shut)

    def is_open(self, namespace: str) -> bool:
        """Whether every kind could be listed there."""
        return namespace not in self._shut

    def forbidden(self, kind: Kind, namespace: str, why: Exception) -> None:
        """The kind may not be listed there."""
        if self.is_open(namespace):
            logger.warning("the namespace %s is left alone until it may be read again: %s", namespace, why)
        self._shut.setdefault(namespace, set()).add(kind)
        metrics.FORBIDDEN.set(len(self._shut))

    def allowed(self, kind: Kind, namespace: str) -> None:
        """The kind was listed there."""
        kinds = self._shut.get(namespace)
        if kinds is None:
            return
        kinds.discard(kind)
        if not kinds:
            del self._shut[namespace]
            logger.info("the namespace %s may be read again", namespace)
        metrics.FORBIDDEN.set(len(self._shut))
