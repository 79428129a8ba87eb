"""The guard of addresses: which are fetched, what is connected to, and what a server may do to us."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2
import pytest

from promptreel.adapters import web
from promptreel.adapters.web import PublicWeb, is_public
from promptreel.errors import Broken
from promptreel.ports.pictures import Unfetchable

PUBLIC = "93.184.216.34"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfile"


class RecordingBackend(httpcore2.MockBackend):
    """Answers every connection with the next of these, and keeps where it was connected to and what was sent."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connected: list[tuple[str, int]] = []
        self.sent: list[bytes] = []

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> Any:
        self.connected.append((host, port))
        return _Stream([self.answers.pop(0)], self)


class _Stream(httpcore2.MockStream):
    def __init__(self, buffer: list[bytes], backend: RecordingBackend) -> None:
        super().__init__(buffer)
        self.backend = backend

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.backend.sent.append(buffer)

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
        self.backend.sent.append(f"TLS as {server_hostname}".encode())
        assert ssl_context.check_hostname
        return self


def a_web(*answers: bytes, hosts: dict[str, list[list[str]]] | None = None) -> tuple[PublicWeb, RecordingBackend]:
    """A web of hosts; each look-up of a name gives the next of its answers."""
    backend = RecordingBackend(*answers)
    known = hosts or {"pictures.example": [[PUBLIC]]}

    def resolver(host: str, _port: int) -> list[str]:
        if host not in known:
            return web.resolve(host, 443) if host.replace(".", "").isdigit() or ":" in host else []
        return known[host].pop(0) if len(known[host]) > 1 else known[host][0]

    return PublicWeb(resolver=resolver, backend=backend), backend


def moved(to: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


def test_file_is_read_from_the_address_that_was_checked_under_the_name_that_was_asked() -> None:
    public, backend = a_web(OK)

    assert public.fetch("https://pictures.example/a%20b.png?size=2", 100, 5) == b"file"

    assert backend.connected == [(PUBLIC, 443)]
    sent = b"".join(backend.sent)
    assert sent.startswith(b"TLS as pictures.exampleGET /a%20b.png?size=2 HTTP/1.1\r\n")
    assert b"Host: pictures.example\r\n" in sent
    assert not any(name in sent.lower() for name in (b"authorization", b"cookie", b"metadata-flavor", b"referer"))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.1.2.3",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2001:0:a9fe:a9fe::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_address_is_not_public_when_it_leads_into_a_network(address: str) -> None:
    assert not is_public(address)
    public, backend = a_web(OK, hosts={"pictures.example": [[address]]})

    with pytest.raises(Unfetchable, match="not on the public Internet"):
        public.fetch("https://pictures.example/a.png", 100, 5)

    assert backend.connected == []


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8"])
def test_address_is_public_when_it_is_on_the_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://pictures.example/a.png", "leads to http; only https"),
        ("file:///etc/passwd", "leads to file"),
        ("gopher://pictures.example/", "leads to gopher"),
        ("//pictures.example/a.png", "no scheme"),
        ("https://user:secret@pictures.example/a.png", "user name or password"),
        ("https://@pictures.example/a.png", "user name or password"),
        ("https://pictures.example:8443/a.png", "another port than 443"),
        ("https://pictures.example:port/a.png", "is no address"),
        ("https:///a.png", "names no host"),
        ("https://[::1/a.png", "is no address"),
        ("https://pictures.example/a b.png", "must be ASCII"),
        ("https://bücher.example/a.png", "must be ASCII"),
        ("https://pictures.example/a\r\nHost: b", "must be ASCII|another port|no host|is no address"),
        ("https://169.254.169.254/computeMetadata/v1/", "not on the public Internet"),
        ("https://2852039166/", "not on the public Internet"),
        ("https://[::ffff:169.254.169.254]/", "not on the public Internet"),
        ("https://unknown.example/", "not on the public Internet"),
    ],
)
def test_address_is_refused_before_anything_is_sent(url: str, words: str) -> None:
    public, backend = a_web(OK)

    with pytest.raises(Unfetchable, match=words):
        public.fetch(url, 100, 5)

    assert backend.connected == []


def test_host_is_refused_when_one_of_its_addresses_is_not_public() -> None:
    public, backend = a_web(OK, hosts={"pictures.example": [[PUBLIC, "10.0.0.1"]]})

    with pytest.raises(Unfetchable, match="not on the public Internet"):
        public.fetch("https://pictures.example/", 100, 5)
    assert backend.connected == []


def test_rebinding_name_is_resolved_once_for_each_request() -> None:
    """The second answer is the metadata server's; nobody asks for it before the connection."""
    public, backend = a_web(OK, OK, hosts={"pictures.example": [[PUBLIC], ["169.254.169.254"]]})

    assert public.fetch("https://pictures.example/", 100, 5) == b"file"
    assert backend.connected == [(PUBLIC, 443)]
    with pytest.raises(Unfetchable):
        public.fetch("https://pictures.example/", 100, 5)
    assert backend.connected == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    "to",
    [
        "https://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/token",
        "http://169.254.169.254/",
        "https://metadata.example/",
        "http://pictures.example/a.png",
        "//10.0.0.1/",
        "https://user:secret@pictures.example/",
        "https://pictures.example:22/",
        "file:///etc/passwd",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_checked_like_the_first_address(to: str, status: int) -> None:
    hosts = {"pictures.example": [[PUBLIC]], "metadata.example": [["169.254.169.254"]]}
    public, backend = a_web(moved(to, status), OK, hosts=hosts)

    with pytest.raises(Unfetchable):
        public.fetch("https://pictures.example/", 100, 5)

    assert backend.connected == [(PUBLIC, 443)]


def test_redirect_to_a_name_that_rebinds_is_refused() -> None:
    hosts = {"pictures.example": [[PUBLIC], ["127.0.0.1"]]}
    public, backend = a_web(moved("/again"), OK, hosts=hosts)

    with pytest.raises(Unfetchable, match="not on the public Internet"):
        public.fetch("https://pictures.example/", 100, 5)
    assert len(backend.connected) == 1


def test_three_redirects_are_followed_and_no_more() -> None:
    public, _ = a_web(moved("/1"), moved("https://pictures.example/2"), moved("3"), OK)
    assert public.fetch("https://pictures.example/", 100, 5) == b"file"

    endless, backend = a_web(*[moved("/next")] * 9)
    with pytest.raises(Unfetchable, match="leads on more than 3 times"):
        endless.fetch("https://pictures.example/", 100, 5)
    assert len(backend.connected) == 4


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answers 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", "101 bytes; a picture has at most 100"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(101), "more than 100 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nx", "cannot be reached"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached"),
    ],
)
def test_answer_is_refused_when_it_is_no_file_of_that_size(answer: bytes, words: str) -> None:
    public, _ = a_web(answer)

    with pytest.raises(Unfetchable, match=words):
        public.fetch("https://pictures.example/", 100, 5)


class _Dripping(http.server.BaseHTTPRequestHandler):
    """Sends its headers and then a byte now and then, until the other side has gone."""

    def do_GET(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        try:
            while not self.server.stopped.wait(0.05):  # type: ignore[attr-defined]
                self.wfile.write(b"X: y\r\n")
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def a_server(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.stopped = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.stopped.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join()


class _Picture(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        where = {"/moved": "https://pictures.test/a.png", "/out": "https://169.254.169.254/"}.get(self.path)
        self.send_response(302 if where else 200)
        if where:
            self.send_header("Location", where)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"file")

    def log_message(self, *_: Any) -> None:
        pass


def test_server_that_drips_is_left_when_the_time_is_over() -> None:
    with a_server(_Dripping) as url, pytest.raises(Unfetchable, match=r"takes too long|cannot be reached"):
        PublicWeb(url).fetch("https://pictures.test/", 100, 0.5)


def test_stand_in_serves_the_hosts_below_test_alone() -> None:
    with a_server(_Picture) as url:
        local = PublicWeb(url, resolver=lambda *_: [PUBLIC])
        assert local.fetch("https://pictures.test/a.png", 100, 5) == b"file"
        assert local.fetch("https://pictures.test/moved", 100, 5) == b"file"
        for refused in ("https://pictures.test/out", "https://pictures.example/", "http://pictures.test/"):
            with pytest.raises(Unfetchable, match=r"off this machine|leads to http"):
                local.fetch(refused, 100, 5)


def test_hosts_below_test_are_no_exception_when_there_is_no_stand_in() -> None:
    public = PublicWeb(resolver=lambda *_: ["127.0.0.1"], backend=RecordingBackend(OK))

    with pytest.raises(Unfetchable, match="not on the public Internet"):
        public.fetch("https://pictures.test/a.png", 100, 5)


@pytest.mark.parametrize("url", ["https://127.0.0.1", "http://169.254.169.254", "http://pictures.example", "x"])
def test_stand_in_is_refused_when_it_is_not_on_this_machine(url: str) -> None:
    with pytest.raises(Broken, match="PROMPTREEL_WEB_URL"):
        PublicWeb(url)
