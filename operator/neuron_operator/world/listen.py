"""Reads the Events of what is silent: pods that wait without a word, Jobs that get no pod.

The API server's refusals, failed mounts and nodes that are being started are told nowhere else. Like
progress, what is heard is kept in memory only, and an operator that starts hears it anew.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from neuron_operator.reading.complaints import UNEXPLAINED, Complaint, newest_complaint
from neuron_operator.reading.objects import (
    Object,
    controller_uid,
    is_true,
    labels_of,
    name_of,
    namespace_of,
    parse_time,
    uid_of,
)
from neuron_operator.reading.troubles import claims_of, is_silent, is_unscheduled
from neuron_operator.terms import labels
from neuron_operator.world.kube import Cluster, NotFoundError, RejectedError, UnansweredError
from neuron_operator.world.stores import Stores

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 5.0
PATIENCE_SECONDS = 20.0
"""How long something may be silent before its Events are read; a pod without a node is asked about soon."""
LONG_SECONDS = 60.0
_MOST_REQUESTS = 32
"""In one round. What is left comes in the next ones."""


@dataclass(frozen=True)
class Question:
    """Whose Events to read, under which key the answer is kept, and whom it concerns.

    `long`: the silence has lasted so long that it is told even where no Event explains it.
    """

    key: str
    about: tuple[tuple[str, str], ...]
    concerns: Object
    long: bool = False


class Listener:
    """Knows the newest complaint about each silent object; `changed` is told of whom a new one concerns."""

    def __init__(self, cluster: Cluster, stores: Stores, changed: Callable[[Object], None]) -> None:
        self._cluster = cluster
        self._stores = stores
        self._changed = changed
        self._turn = 0
        self._not_before = datetime.min.replace(tzinfo=UTC)
        self.heard: dict[str, Complaint] = {}

    async def run(self) -> None:
        """Listen again and again until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            await self.listen(datetime.now(UTC))

    async def listen(self, now: datetime) -> None:
        """One round."""
        questions = {question.key: question for question in questions_of(self._stores, now)}
        for key in self.heard.keys() - questions.keys():
            del self.heard[key]
        asked = sorted(questions)
        self._turn = self._turn if self._turn < len(asked) else 0
        for key in asked[self._turn : self._turn + _MOST_REQUESTS]:
            if now >= self._not_before:
                await self._ask(questions[key], now)
        self._turn += _MOST_REQUESTS

    async def _ask(self, question: Question, now: datetime) -> None:
        namespace = namespace_of(question.concerns)
        try:
            events = await self._cluster.events_about(namespace, dict(question.about))
        except (NotFoundError, RejectedError, UnansweredError) as error:
            logger.debug("the Events of %s in %s: %s", question.key, namespace, error)
            self._not_before = now + timedelta(seconds=getattr(error, "retry_after", 0.0))
            return
        found = newest_complaint(events)
        if found is None and question.long:
            found = UNEXPLAINED
        if found is not None and found != self.heard.get(question.key):
            self.heard[question.key] = found
            self._changed(question.concerns)


def questions_of(stores: Stores, now: datetime) -> Iterator[Question]:
    """Whatever is silent, and has been for a while."""
    for pod in stores.pods.values():
        yield from _about_pod(pod, now)
    for job in stores.jobs.values():
        ended = is_true(job, "Complete") or is_true(job, "Failed")
        if not ended and _age(job, now) >= PATIENCE_SECONDS and not _has_pods(stores, job):
            yield Question(uid_of(job), (("uid", uid_of(job)),), job)


def _about_pod(pod: Object, now: datetime) -> Iterator[Question]:
    unscheduled = is_unscheduled(pod)
    if unscheduled or (is_silent(pod) and _age(pod, now) >= PATIENCE_SECONDS):
        long = not unscheduled and _age(pod, now) >= LONG_SECONDS
        yield Question(uid_of(pod), (("uid", uid_of(pod)),), pod, long)
    for claim in claims_of(pod) if unscheduled else ():
        yield Question(claim, (("kind", "PersistentVolumeClaim"), ("name", claim)), pod)


def _has_pods(stores: Stores, job: Object) -> bool:
    said = labels_of(job)
    key = (namespace_of(job), said.get(labels.COMPONENT, ""), said.get(labels.ARTIFACT, name_of(job)))
    return any(controller_uid(pod) == uid_of(job) for pod in stores.pods.all(key))


def _age(obj: Object, now: datetime) -> float:
    created = obj["metadata"].get("creationTimestamp")
    return (now - parse_time(created)).total_seconds() if created else 0.0
