"""http.* on the wire, against a real server on loopback: bodies, results, tokens, and every kind of failure."""

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from localcloud.workflows.faults import Failure, Overrun
from localcloud.workflows.hostmap import HostMap
from localcloud.workflows.identity import Identity, MetadataIdentity, OwnIdentity
from localcloud.workflows.runtime import RESPONSE_LIMIT_BYTES, HttpClient


class EchoHandler(BaseHTTPRequestHandler):
    """Answers with what it was asked; some paths misbehave on order."""

    protocol_version = "HTTP/1.1"

    def answer(self, code: int, body: bytes, content_type: str, **headers: str) -> None:
        self.send_response(code)
        for name, value in {"content-type": content_type, "content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self) -> None:
        sent = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        if path == "/text":
            self.answer(200, "hällo".encode(), "text/plain; charset=utf-8")
        elif path == "/bytes":
            self.answer(200, b"\xff\x00", "application/octet-stream")
        elif path == "/large":
            self.answer(200, b"x" * (RESPONSE_LIMIT_BYTES + 1), "text/plain")
        elif path == "/away":
            self.answer(302, b"", "text/plain", location="http://elsewhere.test/echo?moved=1")
        elif path == "/hang":
            self.read_until_closed()
        elif path == "/break":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif path.startswith("/status/"):
            self.answer(int(path[8:]), b'{"why": "told to"}', "application/json", **{"x-extra-name": "e"})
        elif path.endswith("/identity"):
            self.answer(200, f"token for {parse_qs(urlsplit(self.path).query)['audience'][0]}".encode(), "text/html")
        elif path.endswith("/token"):
            self.answer(200, b'{"access_token": "from metadata"}', "application/json")
        else:
            echo = {
                "method": self.command,
                "path": self.path,
                "host": self.headers["host"],
                "body": sent.decode("latin-1"),
                "headers": {name.lower(): value for name, value in self.headers.items()},
            }
            self.answer(200, json.dumps(echo).encode(), "application/json; charset=utf-8")

    def read_until_closed(self) -> None:
        self.connection.settimeout(30)
        self.connection.recv(1)
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any  # noqa: N815 - the library's names

    def log_message(self, *_: Any) -> None:
        """Keep the test output quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), EchoHandler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


Send = Callable[..., Any]


@pytest.fixture
def send(server: str) -> Send:
    def exchange(path: str, *, identity: Identity | None = None, method: str = "POST", **options: Any) -> Any:
        hosts = HostMap({"https://mapped.run.app": server, "http://elsewhere.test": server})
        request = {"timeout_s": 10.0, "body": None, "headers": {}, "query": [], "auth": None, **options}

        async def once() -> Any:
            client = HttpClient(hosts, identity or OwnIdentity("me@local.test"))
            try:
                url = path if "://" in path else server + path
                return await client.send({"method": method, "url": url, **request})
            except Failure as failure:
                return failure
            finally:
                await client.close()

        return asyncio.run(once())

    return exchange


def claims(answer: Any) -> dict[str, Any]:
    payload = answer["body"]["headers"]["authorization"].removeprefix("Bearer ").split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "==")))


@pytest.mark.parametrize(
    ("body", "headers", "wire", "content_type"),
    [
        ({"a": [1, None]}, {}, '{"a":[1,null]}', "application/json; charset=utf-8"),
        ("hi", {}, '"hi"', "application/json; charset=utf-8"),
        (b"\x01", {}, "\x01", "application/octet-stream"),
        ("plain", {"content-type": "text/plain"}, "plain", "text/plain"),
        ({"a": "b c", "n": 1}, {"Content-Type": "application/x-www-form-urlencoded"}, "a=b+c&n=1",
         "application/x-www-form-urlencoded"),
        ({"a": 1}, {"Content-Type": "application/json"}, '{"a":1}', "application/json"),
        (None, {}, "", None),
    ],
)  # fmt: skip
def test_body_is_encoded_for_its_content_type_when_sent(
    send: Send, body: Any, headers: dict[str, str], wire: str, content_type: str | None
) -> None:
    echo = send("/echo", body=body, headers=headers)["body"]

    assert (echo["body"], echo["headers"].get("content-type")) == (wire, content_type)


def test_service_appends_its_user_agent_when_the_workflow_gives_one(send: Send) -> None:
    agent = send("/echo", headers={"User-Agent": "mine/1"})["body"]["headers"]["user-agent"]

    assert agent == "mine/1 GoogleCloudWorkflows; (+https://cloud.google.com/workflows/docs)"


def test_query_is_appended_to_that_of_the_url_when_given(send: Send) -> None:
    path = send("/echo?a=1", method="GET", query=[("b", "x y"), ("c", "1"), ("c", "2")])["body"]["path"]

    assert parse_qs(urlsplit(path).query) == {"a": ["1"], "b": ["x y"], "c": ["1", "2"]}


def test_answer_is_a_map_of_body_code_and_canonical_headers_when_received(send: Send) -> None:
    answer = send("/text")

    assert sorted(answer) == ["body", "code", "headers"]
    assert (answer["body"], answer["code"]) == ("hällo", 200)
    assert answer["headers"]["Content-Type"] == "text/plain; charset=utf-8"


def test_answer_is_bytes_when_neither_json_nor_text(send: Send) -> None:
    assert send("/bytes")["body"] == b"\xff\x00"


@pytest.mark.parametrize("code", [400, 404, 409, 429, 500, 503])
def test_status_raises_http_error_with_the_answer_when_not_2xx(send: Send, code: int) -> None:
    error = send(f"/status/{code}").value

    assert error["tags"] == ["HttpError"]
    assert (error["code"], error["body"]) == (code, {"why": "told to"})
    assert error["headers"]["X-Extra-Name"] == "e"
    assert str(code) in error["message"]


def test_connection_is_connection_failed_error_when_refused(send: Send) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        failure = send(f"http://127.0.0.1:{unused.getsockname()[1]}/")

    assert failure.value["tags"] == ["ConnectionFailedError"]


def test_connection_is_connection_error_when_it_breaks_after_the_request(send: Send) -> None:
    assert send("/break").value["tags"] == ["ConnectionError"]


def test_answer_is_timeout_error_when_too_slow(send: Send) -> None:
    assert "TimeoutError" in send("/hang", timeout_s=0.2).value["tags"]


def test_answer_ends_the_execution_when_larger_than_the_limit(send: Send) -> None:
    failure = send("/large")

    assert isinstance(failure, Overrun)
    assert failure.value["tags"] == ["ResourceLimitError"]


def test_host_is_reached_on_loopback_under_its_own_name_when_mapped(send: Send) -> None:
    echo = send("https://mapped.run.app/film?x=1", auth={"type": "OIDC"})

    assert (echo["body"]["path"], echo["body"]["host"]) == ("/film?x=1", "mapped.run.app")
    assert claims(echo)["aud"] == "https://mapped.run.app/film?x=1"


def test_host_is_never_reached_when_neither_mapped_nor_loopback(send: Send) -> None:
    assert send("http://example.com/").value["tags"] == ["ConnectionFailedError"]


def test_redirect_is_followed_through_the_host_map_when_answered(send: Send) -> None:
    echo = send("/away", method="GET")["body"]

    assert (echo["path"], echo["host"]) == ("/echo?moved=1", "elsewhere.test")


def test_token_names_the_audience_or_the_scopes_when_the_stand_in_makes_it(send: Send) -> None:
    oidc = claims(send("/echo", auth={"type": "OIDC", "audience": "https://root"}))
    oauth = claims(send("/echo", auth={"type": "OAuth2", "scopes": ["a", "b"]}))

    assert (oidc["aud"], oidc["email"]) == ("https://root", "me@local.test")
    assert oauth["scope"] == "a b"


def test_metadata_server_gives_the_tokens_when_there_is_one(send: Send, server: str) -> None:
    identity = MetadataIdentity(server.removeprefix("http://"))
    oidc = send("/echo", identity=identity, auth={"type": "OIDC", "audience": "https://root"})
    oauth = send("/echo", identity=identity, auth={"type": "OAuth2"})

    assert oidc["body"]["headers"]["authorization"] == "Bearer token for https://root"
    assert oauth["body"]["headers"]["authorization"] == "Bearer from metadata"


def test_metadata_server_is_auth_error_when_it_does_not_answer(send: Send) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        identity = MetadataIdentity(f"127.0.0.1:{unused.getsockname()[1]}")
        failure = send("/echo", identity=identity, auth={"type": "OIDC"})

    assert failure.value["tags"] == ["AuthError"]
