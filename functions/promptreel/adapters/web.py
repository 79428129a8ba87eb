"""Requests to addresses that people name: https to public hosts alone, and never further than they were checked.

A host's name is resolved once, every address of it must be public, and the connection goes to the address that was
checked: a name that answers differently the next time (DNS rebinding) changes nothing. A redirect is checked like the
first address. Nothing of the caller's or of this process is sent: no credential, no cookie, no proxy.
"""

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from promptreel.errors import Broken
from promptreel.ports.pictures import Unfetchable

if TYPE_CHECKING:
    import httpcore2

MAX_REDIRECTS = 3
READ_TIMEOUT_S = 10.0  # of one wait; the caller's time bounds the whole
HTTPS_PORT = 443
STANDIN_DOMAIN = ".test"  # RFC 6761: no name below it exists on the Internet
# On a local stack, a developer's own program at that port of this machine receives what is posted.
_LOCAL_RECEIVER = re.compile(r"port-([1-9][0-9]{0,4})\.test")
_REDIRECTS = {301, 302, 303, 307, 308}
_OK = 200
_HEADERS = {"User-Agent": "promptreel", "Accept": "image/png, image/jpeg, image/webp", "Accept-Encoding": "identity"}
# Addresses that Python takes for global and that lead elsewhere: NAT64 and 6to4 hold an IPv4 address.
_NETWORKS = ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/23", "fec0::/10")
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, _NETWORKS))

Resolve = Callable[[str, int], Iterable[str]]


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as this machine's resolver gives them."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if any(ip.version == network.version and ip in network for network in _NOT_PUBLIC):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback)


class PublicWeb:
    """A `Web`. On a local stack ``standin_url`` serves hosts below `.test`, and no other host is reached."""

    def __init__(
        self, standin_url: str = "", *, resolver: Resolve = resolve, backend: "httpcore2.NetworkBackend | None" = None
    ) -> None:
        """Raises: Broken for a stand-in that is not on this machine."""
        self._standin = _parse_standin(standin_url)
        self._resolve = resolver
        self._backend = backend

    def fetch(self, url: str, max_bytes: int, timeout_s: float) -> bytes:
        """Read a file, after at most three redirects. Raises: Unfetchable."""
        import httpcore2  # noqa: PLC0415 - cold start

        until = time.monotonic() + timeout_s
        errors = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError)
        for _ in range(MAX_REDIRECTS + 1):
            parts = _check_address(url)
            try:
                found = self._get(parts, max_bytes, until)
            except errors as error:
                raise Unfetchable(f"{parts.hostname} cannot be reached ({type(error).__name__})") from error
            if isinstance(found, bytes):
                return found
            url = urljoin(url, found)
        raise Unfetchable(f"it leads on more than {MAX_REDIRECTS} times")

    def check(self, url: str) -> None:
        """Look at an address, and resolve its host, without connecting. Raises: Unfetchable."""
        parts = _check_address(url)
        self._find(parts.hostname or "", is_posted=True)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> int:
        """Post a body and return the status. No redirect is followed, and nothing of the answer is read.

        Raises: Unfetchable.
        """
        import httpcore2  # noqa: PLC0415 - cold start

        parts, until = _check_address(url), time.monotonic() + timeout_s
        place = self._find(parts.hostname or "", is_posted=True)
        sent = {"User-Agent": "promptreel", **headers}
        try:
            with self._request(("POST", parts, sent, body), place, until) as answer:
                status: int = answer.status
        except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, OSError) as error:
            raise Unfetchable(f"{parts.hostname} cannot be reached ({type(error).__name__})") from error
        return status

    @contextmanager
    def _request(
        self, request: tuple[str, SplitResult, Mapping[str, str], bytes], place: tuple[str, int, str], until: float
    ) -> Iterator[Any]:
        """The answer to a request, whose headers have come, from the place that was checked."""
        import httpcore2  # noqa: PLC0415 - cold start

        method, parts, headers, body = request
        scheme, port, address = place
        backend = _PinnedBackend(self._backend or httpcore2.SyncBackend(), (address, port), until)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = (parts.hostname or "").encode()
        asked = httpcore2.URL(scheme=scheme, host=host, port=port, target=target.encode("ascii"))
        timeouts = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), READ_TIMEOUT_S)}
        named = [("Host", parts.netloc), *headers.items()]
        with (
            httpcore2.ConnectionPool(network_backend=backend) as pool,  # type: ignore[arg-type]
            pool.stream(method, asked, headers=named, content=body or None, extensions=timeouts) as answer,
        ):
            yield answer

    def _get(self, parts: SplitResult, max_bytes: int, until: float) -> bytes | str:
        """The content, or the address to which it has moved. Raises: Unfetchable."""
        host = parts.hostname or ""
        with self._request(("GET", parts, _HEADERS, b""), self._find(host), until) as answer:
            named = {name.lower(): value.decode("latin-1") for name, value in answer.headers}
            if answer.status in _REDIRECTS and b"location" in named:
                location: str = named[b"location"]
                return location
            if answer.status != _OK:
                raise Unfetchable(f"{host} answers {answer.status}")
            length = named.get(b"content-length", "0")
            if length.isdigit() and int(length) > max_bytes:
                raise Unfetchable(f"it has {int(length):,} bytes; a picture has at most {max_bytes:,}")
            content = bytearray()
            for part in answer.iter_stream():
                content += part
                if len(content) > max_bytes:
                    raise Unfetchable(f"it has more than {max_bytes:,} bytes")
            return bytes(content)

    def _find(self, host: str, *, is_posted: bool = False) -> tuple[str, int, str]:
        """Scheme, port and the one address to connect to. Raises: Unfetchable unless all its addresses are public."""
        if self._standin is not None:
            if is_posted:
                return _find_local_receiver(host)
            if not host.endswith(STANDIN_DOMAIN):
                raise Unfetchable(f"{host} is off this machine, and a local stack fetches from hosts below .test alone")
            return "http", self._standin.port or 80, self._standin.hostname or ""
        try:
            addresses = list(self._resolve(host, HTTPS_PORT))
        except (OSError, UnicodeError) as error:
            raise Unfetchable(f"there is no host {host}") from error
        if not addresses or not all(map(is_public, addresses)):
            raise Unfetchable(f"{host} is not on the public Internet")
        return "https", HTTPS_PORT, addresses[0]


class _PinnedBackend:
    """Connects to the address that was checked, whatever the name of the host is; TLS still verifies the name."""

    def __init__(self, backend: Any, address: tuple[str, int], until: float) -> None:
        self._backend, self._address, self._until = backend, address, until

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> Any:  # noqa: ARG002
        """Connect. ``host`` is not looked at: it would be resolved a second time."""
        wait_s = _left_s(self._until, timeout)
        return _TimedStream(self._backend.connect_tcp(*self._address, timeout=wait_s, **options), self._until)

    def connect_unix_socket(self, *_: Any, **__: Any) -> Any:
        """Never: no address of a request leads to a socket of this machine."""
        raise Unfetchable("it names a socket")

    def sleep(self, seconds: float) -> None:
        """Wait between attempts, of which there is one."""
        self._backend.sleep(seconds)


class _TimedStream:
    """A connection whose every wait ends with the time for the whole file: a server may send a byte now and then."""

    def __init__(self, stream: Any, until: float) -> None:
        self._stream, self._until = stream, until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what has come."""
        found: bytes = self._stream.read(max_bytes, _left_s(self._until, timeout))
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send."""
        self._stream.write(buffer, _left_s(self._until, timeout))

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> "_TimedStream":
        """The same connection, encrypted; the certificate must be that of the host's name."""
        wait_s = _left_s(self._until, timeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, wait_s), self._until)

    def get_extra_info(self, info: str) -> Any:
        """What the connection says of itself."""
        return self._stream.get_extra_info(info)


def _check_address(url: str) -> SplitResult:
    """An address that may be fetched. Raises: Unfetchable."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Unfetchable("it is no address") from error
    if parts.scheme != "https":
        raise Unfetchable(f"it leads to {parts.scheme or 'no scheme'}; only https is fetched")
    if parts.username is not None or parts.password is not None:
        raise Unfetchable("it holds a user name or password, which are not sent")
    if not parts.hostname or port not in {None, HTTPS_PORT}:
        raise Unfetchable("it names no host, or another port than 443")
    if not url.isascii() or any(one <= " " for one in url):
        raise Unfetchable("it must be ASCII: the host in punycode, the rest percent-encoded")
    return parts


def _find_local_receiver(host: str) -> tuple[str, int, str]:
    """The developer's own program that a host's name on a local stack stands for. Raises: Unfetchable."""
    named = _LOCAL_RECEIVER.fullmatch(host)
    if named is None:
        raise Unfetchable(f"{host} is off this machine; on a local stack, port-8080.test is port 8080 of this machine")
    return "http", int(named[1]), "127.0.0.1"


def _left_s(until: float, timeout: float | None) -> float:
    """Seconds that may be waited. Raises: Unfetchable for none."""
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise Unfetchable("it takes too long")
    return min(left_s, timeout or READ_TIMEOUT_S)


def _parse_standin(url: str) -> SplitResult | None:
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in {"127.0.0.1", "::1"}:
        raise Broken("PROMPTREEL_WEB_URL: a stand-in for the web is on this machine alone.", code="misconfigured")
    return parts
