"""Answers the kubelet's probes at every address of the pod, of IPv4 and of IPv6.

kopf's own server listens at one address, and a cluster may have IPv6 alone.
"""

import os
from collections.abc import Callable

from aiohttp import web

PORT_VARIABLE = "NEURON_OPERATOR_HEALTH_PORT"
PATH = "/healthz"

STUCK_SECONDS = 300.0
"""Ten times the longest that one request may take: work that stands still for so long won't go on."""


async def serve(stuck_seconds: Callable[[], float]) -> web.AppRunner:
    """Answer on the port named in the environment, and nowhere without one.

    `stuck_seconds`: for how long work has stood still.
    """

    async def answer(_: web.Request) -> web.Response:
        stuck = stuck_seconds()
        return web.json_response({"stuckSeconds": stuck}, status=500 if stuck > STUCK_SECONDS else 200)

    application = web.Application()
    application.router.add_get(PATH, answer)
    runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    port = os.environ.get(PORT_VARIABLE)
    if port:
        # Without a host it is every address of both families, as far as the kernel has them.
        await web.TCPSite(runner, None, int(port)).start()
    return runner
