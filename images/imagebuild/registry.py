"""Asking a registry what it has."""

import urllib.error
import urllib.request

_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)


def digest(registry: str, repository: str, tag: str, insecure: bool) -> str | None:
    """The digest of the image that the registry holds under the tag, None where it holds none.

    A registry that wants credentials, or does not answer, counts as not holding it: the push that follows
    uses the engine's own credentials and moves only what is missing.
    """
    scheme = "http" if insecure else "https"
    request = urllib.request.Request(
        f"{scheme}://{registry}/v2/{repository}/manifests/{tag}",
        method="HEAD",
        headers={"Accept": _MANIFESTS},
    )
    try:
        with _opener(insecure).open(request, timeout=10) as response:
            found: str | None = response.headers.get("Docker-Content-Digest")
            return found
    except OSError:
        return None


def answers(registry: str) -> bool:
    """Whether a registry answers at all over https, be it only to ask for credentials."""
    try:
        with _opener(insecure=False).open(f"https://{registry}/v2/", timeout=5) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        return error.code == 401
    except OSError:
        return False


def serves(url: str) -> bool:
    """Whether a page is there, through the machine's proxies."""
    try:
        with _opener(insecure=False).open(urllib.request.Request(url, method="HEAD"), timeout=10):
            return True
    except OSError:
        return False


def _opener(insecure: bool) -> urllib.request.OpenerDirector:
    # An insecure registry is one on this machine or its own network: a proxy would not find it.
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if insecure else []))
