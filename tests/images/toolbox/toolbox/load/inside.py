"""What a server did while it was asked, by its own metrics."""

from dataclasses import dataclass
from typing import Self

import aiohttp
from neuron_serving import metricnames
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Totals:
    """The model's counters at one moment: calls of compiled modules, rows in them, and seconds."""

    calls: float
    rows: float
    padding_rows: float
    compute_seconds: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read them from the answer of a metrics port; several processes' counters are added up."""
        sums: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
        named = (
            metricnames.BATCHES,
            metricnames.BATCH_ROWS,
            metricnames.PADDING_ROWS,
            metricnames.COMPUTE_SECONDS,
        )
        return cls(*(sums.get(name, 0.0) for name, _ in named))


async def totals(session: aiohttp.ClientSession, url: str) -> Totals:
    """Ask a metrics port. Raises aiohttp.ClientError if it can't be reached or refuses."""
    async with session.get(url, raise_for_status=True) as answer:
        return Totals.parse(await answer.text())


@dataclass(frozen=True)
class Shares:
    """Where the time of a window went.

    Attributes:
        compute: seconds inside of compiled modules, of each second.
        rows_per_call: rows of requests in a call.
        padding: rows that only filled a call up, of all rows computed.
        rows_per_compute_second: throughput while a module computes.
        client_cores: the CPU time of the process that asks, of each second.
    """

    compute: float
    rows_per_call: float
    padding: float
    rows_per_compute_second: float
    client_cores: float

    @classmethod
    def between(cls, before: Totals, after: Totals, seconds: float, client_seconds: float) -> Self:
        """Compare two moments, `seconds` apart. Raises ValueError if nothing was computed between them."""
        calls, compute = after.calls - before.calls, after.compute_seconds - before.compute_seconds
        rows, padding = after.rows - before.rows, after.padding_rows - before.padding_rows
        if calls <= 0 or compute <= 0:
            raise ValueError("the server's metrics tell of no call of a module")
        return cls(
            compute=compute / seconds,
            rows_per_call=rows / calls,
            padding=padding / (rows + padding),
            rows_per_compute_second=rows / compute,
            client_cores=client_seconds / seconds,
        )
