"""Which origins a workflow may reach, and where they really are: nothing but loopback, ever.

The map is a JSON object of origin to origin, such as ``{"https://stitcher-x.run.app": "http://127.0.0.1:8085"}``.
"""

import ipaddress
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import httpx

# The variables by which Google's clients find an emulator, and the origin it answers for.
_EMULATORS = {
    "FIRESTORE_EMULATOR_HOST": "https://firestore.googleapis.com",
    "PUBSUB_EMULATOR_HOST": "https://pubsub.googleapis.com",
    "STORAGE_EMULATOR_HOST": "https://storage.googleapis.com",
    "CLOUD_TASKS_EMULATOR_HOST": "https://cloudtasks.googleapis.com",
}
_PORTS = range(1, 2**16)


def emulated(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of a host map that the emulators' variables give: HOST:PORT or a URL; one elsewhere is not for us."""
    named = {origin: environ[name] for name, origin in _EMULATORS.items() if environ.get(name)}
    urls = {origin: address if "://" in address else f"http://{address}" for origin, address in named.items()}
    return {origin: url for origin, url in urls.items() if _is_loopback(httpx.URL(url).host)}


class HostMap:
    def __init__(self, origins: Mapping[str, str]) -> None:
        """Raises: ValueError if an origin would lead away from this machine."""
        away = [target for target in origins.values() if not _is_loopback(httpx.URL(target).host)]
        if away:
            msg = f"the host map leads away from loopback: {', '.join(away)}"
            raise ValueError(msg)
        self._origins = {_origin(source): httpx.URL(target) for source, target in origins.items()}

    @staticmethod
    def read(path: Path) -> dict[str, str]:
        """The map in a file. Raises: OSError, ValueError."""
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or not all(isinstance(target, str) for target in found.values()):
            msg = f"{path} is not a JSON object of origin to origin"
            raise ValueError(msg)
        return found

    def target(self, url: httpx.URL) -> httpx.URL | None:
        """The loopback URL that answers for this one; None where there is none."""
        if url.port is not None and url.port not in _PORTS:
            return None
        mapped = self._origins.get(_origin(str(url)))
        if mapped is not None:
            return url.copy_with(scheme=mapped.scheme, host=mapped.host, port=mapped.port)
        return url if _is_loopback(url.host) else None


class MappedTransport(httpx.AsyncBaseTransport):
    """Sends every request, redirects included, to where the map says; the Host header stays the original one."""

    def __init__(self, hosts: HostMap, inner: httpx.AsyncBaseTransport) -> None:
        self._hosts = hosts
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        target = self._hosts.target(request.url)
        if target is None:
            msg = f"{request.url.host} is not in the host map, and nothing but loopback can be reached"
            raise httpx.ConnectError(msg, request=request)
        request.url = target
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    default_port = 443 if parts.scheme == "https" else 80
    return f"{parts.scheme}://{parts.hostname}:{parts.port or default_port}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
