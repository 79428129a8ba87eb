"""A clip is submitted by one POST whatever comes back, and only what says so is unpaid.

The server here counts requests and answers as no stand-in of a whole API does: with pages of HTML, a cut, or silence.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, Literal

import pytest

from localcloud.tests.loopback import free_port
from localcloud.tests.vertex.harness import FakeVertex
from promptreel.adapters.video import VideoBackend
from promptreel.domain.models import VideoProtocol
from promptreel.errors import AnswerLost, CallFailed, Refused, Throttled, Unpaid
from promptreel.ports.models import VideoRequest
from tests.contract.adapters.backends import LoopbackOmni, LoopbackVeo, loopback_replicate
from tests.fakes.artifacts import MemoryArtifacts
from tests.fakes.system import FakeClock

MODELS: dict[VideoProtocol, str] = {
    "veo": "veo-3.1-generate-001",
    "interactions": "gemini-omni-1.2-flash",
    "predictions": "google/veo-3.1",
}
HTML = b"<html><head><title>Error</title></head><body><h1>Error</h1>The server encountered an error.</body></html>"


@dataclass
class Server:
    """Does the same with every request: an answer, or what breaks off."""

    act: Literal["answer", "reset", "close", "silence"] = "answer"
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    posts: int = 0
    released: Event = field(default_factory=Event)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def listening(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            server.posts += 1
            self.rfile.read(int(self.headers["Content-Length"]))
            self.close_connection = True
            if server.act == "silence":
                server.released.wait()
            elif server.act == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            elif server.act == "answer":
                self.send_response(server.status)
                self.send_header("Content-Type", server.content_type)
                self.send_header("Content-Length", str(len(server.body)))
                self.end_headers()
                self.wfile.write(server.body)

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:  # connections that a test cuts on purpose
            pass

    with Quiet(("127.0.0.1", 0), Handler) as running:
        server.port = running.server_port
        Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.released.set()
        running.shutdown()


@contextmanager
def backend_at(protocol: VideoProtocol, port: int) -> Iterator[VideoBackend]:
    vertex = FakeVertex(port)
    if protocol == "predictions":
        with loopback_replicate(vertex.url, MemoryArtifacts(FakeClock())) as backend:
            yield backend
    else:
        yield LoopbackVeo(vertex) if protocol == "veo" else LoopbackOmni(vertex)
        for client in vertex.clients:
            client.close()


def submit(protocol: VideoProtocol, port: int, timeout_s: float = 60.0) -> CallFailed:
    """How a submit to that port fails."""
    request = VideoRequest(
        model=MODELS[protocol],
        prompt="A boat leaves the harbour",
        first_uri="gs://films/first.png",
        last_uri="gs://films/last.png",
        seconds=4,
        aspect="16:9",
        resolution="720p",
        audio=False,
        seed=7,
    )
    with backend_at(protocol, port) as backend, pytest.raises(CallFailed) as failed:
        backend.submit(request, "gs://films/folder/", timeout_s)
    return failed.value


@pytest.mark.parametrize("protocol", MODELS)
@pytest.mark.parametrize("is_html", [False, True], ids=["json", "html"])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, AnswerLost),
        (204, AnswerLost),
        (302, AnswerLost),
        (400, Refused),
        (401, Refused),
        (403, Refused),
        (404, Refused),
        (408, AnswerLost),
        (409, Refused),
        (429, Throttled),
        (499, AnswerLost),
        (500, AnswerLost),
        (502, AnswerLost),
        (503, AnswerLost),
        (504, AnswerLost),
    ],
)
def test_submit_posts_once_when_its_answer_is_no_operation(
    protocol: VideoProtocol, status: int, error: type[CallFailed], is_html: bool
) -> None:
    body, content_type = (HTML, "text/html") if is_html else (b"{}", "application/json")
    with listening(Server(status=status, body=body if status != 204 else b"", content_type=content_type)) as server:
        failed = submit(protocol, server.port)

    assert (type(failed), server.posts) == (error, 1)


@pytest.mark.parametrize("protocol", MODELS)
def test_submit_is_lost_after_one_post_when_its_answer_is_empty(protocol: VideoProtocol) -> None:
    with listening(Server()) as server:
        failed = submit(protocol, server.port)

    assert (type(failed), server.posts) == (AnswerLost, 1)


@pytest.mark.parametrize("protocol", MODELS)
@pytest.mark.parametrize("act", ["reset", "close"])
def test_submit_is_lost_after_one_post_when_its_connection_breaks(
    protocol: VideoProtocol, act: Literal["reset", "close"]
) -> None:
    with listening(Server(act)) as server:
        failed = submit(protocol, server.port)

    assert (type(failed), server.posts) == (AnswerLost, 1)


@pytest.mark.parametrize("protocol", MODELS)
def test_submit_is_lost_after_one_post_when_the_server_is_silent(protocol: VideoProtocol) -> None:
    with listening(Server("silence")) as server:
        failed = submit(protocol, server.port, timeout_s=0.5)

    assert (type(failed), server.posts) == (AnswerLost, 1)


@pytest.mark.parametrize("protocol", MODELS)
def test_submit_is_unpaid_when_nothing_listens(protocol: VideoProtocol) -> None:
    assert type(submit(protocol, free_port())) is Unpaid
