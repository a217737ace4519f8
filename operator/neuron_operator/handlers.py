"""What kopf calls: events of everything watched. Run as `kopf run -m neuron_operator.handlers`.

Handlers only say what has changed; all work is done by the queue's workers. So kopf stores nothing in the
objects: no finalizers, no annotations, and the operator may be killed at any moment.
"""

import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kopf

from neuron_operator.api.settings import DEFAULT_PATH, PATH_VARIABLE, SettingsError, load_settings
from neuron_operator.runtime import Operator
from neuron_operator.terms.kinds import NEURON_ARTIFACT, NEURON_MODEL, Kind
from neuron_operator.world import health, metrics
from neuron_operator.world.kube import Cluster, connect
from neuron_operator.world.watched import Watched, watched_with

# A watch whose connection has died without a word ends so many seconds later, and begins anew.
_WATCH_SECONDS = 240
_LONGEST_BACKOFF_SECONDS = 30


class Backoffs:
    """Growing pauses without an end: an API server that is away for an hour is waited for."""

    def __iter__(self) -> Iterator[float]:
        pause = 1
        while True:
            yield pause
            pause = min(2 * pause, _LONGEST_BACKOFF_SECONDS)


try:
    SETTINGS = load_settings(Path(os.environ.get(PATH_VARIABLE, DEFAULT_PATH)))
except SettingsError as error:
    raise SystemExit(f"neuron-operator: {error}") from error


def _selector(kind: Kind) -> tuple[str, str, str]:
    return kind.group, kind.version, kind.plural


class NoDiffs(kopf.DiffBaseStorage):
    """kopf remembers nothing of an object: comparing is the stores' work, and copying each for it is dear."""

    def build(self, *, body: kopf.Body, extra_fields: Any = None, **_: Any) -> kopf.BodyEssence:
        """Nothing is compared."""
        return kopf.BodyEssence()

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        """Nothing was stored."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Nothing is stored."""


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Configure kopf, connect, and start the workers."""
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = NoDiffs()
    settings.watching.server_timeout = _WATCH_SECONDS
    settings.watching.client_timeout = _WATCH_SECONDS + 30
    settings.networking.error_backoffs = Backoffs()
    for watched in watched_with(SETTINGS):
        if watched.selector:
            settings.watching.label_selectors[_selector(watched.kind)] = watched.selector
    # kopf says of every event that its handler succeeded.
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    memo.health = await health.serve(
        lambda: memo.operator.stands_still() if "operator" in memo else {},
        lambda: memo.operator.waits_for() if "operator" in memo else {"cluster": "no connection yet"},
    )
    metrics.serve()
    api = await connect()
    for kind in (NEURON_MODEL, NEURON_ARTIFACT):
        if not await Cluster(api).serves(kind):
            await api.close()
            raise kopf.PermanentError(
                f"the cluster does not know {kind.plural}.{kind.group}: install the chart's CRDs first"
            )
    _collect_less_often()
    memo.operator = Operator(SETTINGS, api)


def _collect_less_often() -> None:
    """Look for cycles of garbage more seldom.

    Nearly all that a watch or a reconcile makes goes without the collector, whose passes over all that is
    kept took a twelfth of the processor time. What is there by now stays for good.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 100)


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Stop the workers."""
    if "operator" in memo:
        await memo.operator.close()
    if "health" in memo:
        await memo.health.cleanup()


def _watch(watched: Watched) -> None:
    """Register the one handler of a kind."""

    async def told(event: kopf.RawEvent, memo: kopf.Memo, **_: Any) -> None:
        operator, body = memo.operator, event["object"]
        if event["type"] is None:  # It was listed and not watched: there may be a gap before it.
            operator.informer.listed_anew()
        if event["type"] == "DELETED":
            operator.world.hide(watched.kind, body)
        else:
            operator.world.show(watched.kind, body)

    kopf.on.event(*_selector(watched.kind), id=watched.store)(told)


for _watched in watched_with(SETTINGS):
    _watch(_watched)
