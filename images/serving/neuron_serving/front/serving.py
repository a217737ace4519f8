"""The front's life: it opens its ports, starts the guard before them, and ends without losing a request."""

import asyncio
import ctypes
import logging
import resource
import signal
import socket
from asyncio.subprocess import Process
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from aiohttp import web

from neuron_serving.failure import ServingError, report
from neuron_serving.front import rest, rpc
from neuron_serving.front.guard import STOP_SECONDS, Ports
from neuron_serving.front.models import Models

log = logging.getLogger("neuron_serving")

HOST = "127.0.0.1"
# Every address of the pod, which has one network of its own, and in some clusters IPv6 alone.
ANY = None
_ANY_OF_GRPC = "[::]" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104
_BACKLOG = 2048
# Longer than the guard keeps a connection that it does not use: the one who asks is the one who hangs up.
_KEEP_ALIVE_SECONDS = 3600
_POLL_SECONDS = 0.2
_THREADS = 2
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
_LARGE_BYTES = 256 * 1024
DIED = 1


async def serve(models: Models, guard: list[str] | None, ports: Ports | None = None) -> int:
    """Answer until SIGTERM or SIGINT, and return 0; or DIED, where the guard ended by itself.

    `guard` is the guard's command line, which is started as soon as the models can compute. Without one the
    front answers clients itself, and nothing bounds their connections.
    """
    ports = ports or Ports()
    _allow_files()
    _give_back_large_memory()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    # What is long is read and written there; each of these may take thirty times its size.
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="front"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if not await _until_ready(models, stopping):
        return 0
    if guard is None:
        addresses: list[tuple[str | None, int]] = [(ANY, ports.http), (ANY, ports.probes)]
        calls = rpc.server(models, f"{_ANY_OF_GRPC}:{ports.grpc}")
    else:
        addresses = [(HOST, ports.front)]
        calls = rpc.server(models, f"{HOST}:{ports.front_grpc}")
    runner = web.AppRunner(
        rest.application(models, guarded=guard is not None),
        access_log=None,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        shutdown_timeout=STOP_SECONDS,
        # Compressed bodies are refused: the parser must not unpack them before.
        auto_decompress=False,
    )
    await runner.setup()
    for host, port in addresses:
        await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
    await calls.start()
    try:
        if guard is None:
            await stopping.wait()
            # What is in flight has as long as behind a guard.
            await calls.stop(grace=STOP_SECONDS)
            return 0
        return await _until_end(await asyncio.create_subprocess_exec(*guard), stopping)
    finally:
        # Behind a guard nobody is connected any more but a call that outlasts it.
        await calls.stop(grace=0)
        await runner.cleanup()


def _allow_files() -> None:
    """As many connections as the guard lets in need more files than some systems allow unasked."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _give_back_large_memory() -> None:
    """Have what is large go back to the system when it is freed: the C library keeps it in pieces otherwise.

    Source: man 3 mallopt.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_ARENA_MAX, 2)


async def _until_ready(models: Models, stopping: asyncio.Event) -> bool:
    asked = asyncio.create_task(stopping.wait())
    while not stopping.is_set():
        if await models.backend.ready():
            asked.cancel()
            return True
        await asyncio.wait((asked,), timeout=_POLL_SECONDS)
    return False


async def _until_end(guard: Process, stopping: asyncio.Event) -> int:
    """Wait for a signal, and then for the guard, which ends when the last of its clients has left."""
    ended, asked = asyncio.create_task(guard.wait()), asyncio.create_task(stopping.wait())
    await asyncio.wait((ended, asked), return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if ended.done():
        report(ServingError("WorkerDied", f"HAProxy ended with {guard.returncode}; the log says why."))
        log.error("HAProxy ended with %s", guard.returncode)
        return DIED
    with suppress(ProcessLookupError):
        guard.send_signal(signal.SIGUSR1)
    await ended
    return 0
