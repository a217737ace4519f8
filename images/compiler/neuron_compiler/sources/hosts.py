"""Where a Secret's token may be sent: to the hosts that the Secret itself names in its key `hosts`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from neuron_contract import variables

from neuron_compiler.failure import CompileError


def token_for(url: str, variable: str, environ: Mapping[str, str], *, trusted: bool = False) -> str | None:
    """The token in the environment, if there is one, for the host of that URL. Raises CompileError.

    A Secret must name the host, unless the installation trusts that (`trusted`) and the Secret names none.
    """
    token = environ.get(variable) or None
    named = environ.get(variables.SOURCE_HOSTS, "")
    if token is None or (trusted and not named):
        return token
    there = urlsplit(url)
    host = (there.hostname or "").lower()
    asked = {host, f"{host}:{there.port}"} if there.port else {host}
    if not asked & {name.lower() for name in re.split(r"[\s,]+", named)}:
        raise CompileError(
            "HostNotAllowed",
            f"The Secret of spec.model.secretRef does not say that its token may be sent to {host}: name the "
            "host in its key `hosts`.",
        )
    return token
