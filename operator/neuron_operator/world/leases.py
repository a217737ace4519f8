"""A Lease as the client library's election keeps it, whose requests end in time and never raise."""

import asyncio
import json
import logging
from collections.abc import Awaitable
from datetime import UTC, datetime
from typing import Any, TypeVar

import aiohttp
from kubernetes_asyncio import client
from kubernetes_asyncio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes_asyncio.leaderelection.resourcelock.leaselock import LeaseLock

Answer = TypeVar("Answer")

_TIMEOUT_SECONDS = 3.0
# The library tells of every race for a Lease with a traceback; who holds it is told where that matters.
logging.getLogger("kubernetes_asyncio.leaderelection").setLevel(logging.CRITICAL)


class Lease(LeaseLock):
    """A Lease that `identity` may come to hold."""

    seen: float | None = None
    """When it was last read, by the loop's clock."""

    async def get(self, name: str, namespace: str) -> tuple[bool, Any]:
        """The record, or why there is none: an ApiException whose body the election reads the code of."""
        try:
            found, record = await _bounded(super().get(name, namespace))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return False, _unanswered(error)
        if found or getattr(record, "status", None) == 404:
            self.seen = asyncio.get_running_loop().time()
        return found, record

    async def create(self, name: str, namespace: str, election_record: LeaderElectionRecord) -> bool:
        """Whether the Lease was made for the record."""
        try:
            return await _bounded(super().create(name, namespace, election_record))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False

    async def update(self, name: str, namespace: str, updated_record: LeaderElectionRecord) -> bool:
        """Whether the record was written over the one that was read last."""
        try:
            return await _bounded(super().update(name, namespace, updated_record))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False

    async def release(self) -> None:
        """Leave the Lease to whoever wants it, if it is still ours; failing that it runs out."""
        held, _ = await self.get(self.name, self.namespace)
        lease = self.lease_reference
        if not held or lease is None or lease.spec.holder_identity != self.identity:
            return
        lease.spec.holder_identity = None  # type: ignore[assignment]  # as the API has it
        lease.spec.renew_time = datetime.now(UTC)
        try:
            await _bounded(
                self.api_instance.replace_namespaced_lease(
                    name=self.name, namespace=self.namespace, body=lease
                )
            )
        except (client.ApiException, aiohttp.ClientError, TimeoutError):
            return


async def _bounded(request: Awaitable[Answer]) -> Answer:
    async with asyncio.timeout(_TIMEOUT_SECONDS):
        return await request


def _unanswered(error: Exception) -> client.ApiException:
    failure = client.ApiException(status=503, reason=str(error) or type(error).__name__)
    failure.body = json.dumps({"code": 503}).encode()
    return failure
