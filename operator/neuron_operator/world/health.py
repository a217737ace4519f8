"""Answers the kubelet's probes at every address of the pod, of IPv4 and of IPv6.

kopf's own server listens at one address, and a cluster may have IPv6 alone. Two questions: is the process
alive, and could it work. One that is not ready yet must not be ended for it.
"""

import os
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

PORT_VARIABLE = "NEURON_OPERATOR_HEALTH_PORT"
PATH = "/healthz"
READY_PATH = "/readyz"

STUCK_SECONDS = 300.0
"""Ten times the longest that one request may take: work that stands still for so long won't go on."""
DEAF_SECONDS = 700.0
"""Two comparisons in a row, and time for a third: a watch that has missed what is listed won't hear it."""

_LONGEST = {"stuckSeconds": STUCK_SECONDS, "deafSeconds": DEAF_SECONDS}


async def serve(
    stands_still: Callable[[], Mapping[str, float]], waits_for: Callable[[], Mapping[str, str]]
) -> web.AppRunner:
    """Answer on the port named in the environment, and nowhere without one.

    Args:
        stands_still: for how long work has stood still, and watches have told nothing.
        waits_for: why the process could not work now; empty where it could.
    """

    async def alive(_: web.Request) -> web.Response:
        seconds = stands_still()
        ended = any(value > _LONGEST[name] for name, value in seconds.items())
        return web.json_response(dict(seconds), status=500 if ended else 200)

    async def ready(_: web.Request) -> web.Response:
        waits = waits_for()
        return web.json_response({"waitsFor": dict(waits)}, status=503 if waits else 200)

    answers: Mapping[str, Callable[[web.Request], Awaitable[web.Response]]] = {PATH: alive, READY_PATH: ready}
    application = web.Application()
    application.router.add_routes([web.get(path, answer) for path, answer in answers.items()])
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    port = os.environ.get(PORT_VARIABLE)
    if port:
        # Without a host it is every address of both families, as far as the kernel has them.
        await web.TCPSite(runner, None, int(port)).start()
    return runner
