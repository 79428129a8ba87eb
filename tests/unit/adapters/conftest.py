"""Google's pages on loopback, and a clock that a test moves."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.fakes.system import FakeClock

Answer = Callable[[str, Mapping[str, str]], tuple[int, Any] | tuple[int, Any, Mapping[str, str]]]
"""From target and headers of a GET, names in lower case, to status, body (bytes, or JSON) and perhaps headers."""


@contextmanager
def serve(answer: Answer) -> Iterator[str]:
    """Answer every GET until the end of the block; yields the server's URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, *more = answer(self.path, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            for name, value in more[0].items() if more else ():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
