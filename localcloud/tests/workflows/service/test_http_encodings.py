"""Bodies, headers and errors of http.* in every encoding the reference names, over a scripted network."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from localcloud.workflows.faults import Failure
from localcloud.workflows.hostmap import HostMap, emulated
from localcloud.workflows.identity import OwnIdentity
from localcloud.workflows.runtime import HttpClient

Answer = Callable[[httpx.Request], httpx.Response]
Exchange = Callable[..., Any]


@pytest.fixture
def exchange() -> Exchange:
    """Send one request to an answering function; gives the result map, or the error's value."""

    def send(answer: Answer, **options: Any) -> Any:
        defaults: dict[str, Any] = {
            "timeout_s": 10.0,
            "body": None,
            "headers": {},
            "query": [],
            "auth": None,
            "method": "POST",
        }
        request = {**defaults, "url": "http://127.0.0.1/x", **options}

        async def once() -> Any:
            client = HttpClient(HostMap({}), OwnIdentity("me@local.test"), httpx.MockTransport(answer))
            try:
                return await client.send(request)
            except Failure as failure:
                return failure.value
            finally:
                await client.close()

        return asyncio.run(once())

    return send


def mirror(request: httpx.Request) -> httpx.Response:
    seen = {"body": request.content.decode("latin-1"), "headers": dict(request.headers)}
    return httpx.Response(200, json=seen)


@pytest.mark.parametrize(
    ("body", "content_type", "wire"),
    [
        ("é", "text/plain; charset=iso-8859-1", "é"),
        ("é", "text/plain", "Ã©"),
        ({"a": ["1", 2], "b": True, "c": None}, "application/x-www-form-urlencoded", "a=1&a=2&b=true&c=null"),
        ("a=b&c=d", "application/x-www-form-urlencoded", "a=b&c=d"),
        ('{"a": 1}', "application/json", '"{\\"a\\": 1}"'),
        ([1, "x"], "application/vnd.api+json", '[1,"x"]'),
        (b"\xff", "image/png", "ÿ"),
        ("<a/>", "application/xml", "<a/>"),
    ],
)
def test_body_is_written_that_way_when_a_content_type_is_given(
    exchange: Exchange, body: Any, content_type: str, wire: str
) -> None:
    assert exchange(mirror, body=body, headers={"content-type": content_type})["body"]["body"] == wire


@pytest.mark.parametrize(
    ("body", "content_type", "tag"),
    [({"a": 1}, "text/plain", "TypeError"), (3, "application/x-www-form-urlencoded", "TypeError"),
     ("ł", "text/plain; charset=iso-8859-1", "ValueError"), ("x", "text/plain; charset=nonsense", "ValueError")],
)  # fmt: skip
def test_nothing_is_sent_when_body_cannot_be_written_that_way(
    exchange: Exchange, body: Any, content_type: str, tag: str
) -> None:
    assert exchange(mirror, body=body, headers={"Content-Type": content_type})["tags"] == [tag]


@pytest.mark.parametrize("headers", [{"X": "a\nb"}, {"X": "a\0"}, {"a b": "x"}, {"": "x"}, {"X": "ł"}])
def test_header_is_value_error_when_it_cannot_stand_in_a_request(exchange: Exchange, headers: dict[str, str]) -> None:
    assert exchange(mirror, headers=headers)["tags"] == ["ValueError"]


def test_user_agent_is_kept_in_front_when_spelled_in_any_case(exchange: Exchange) -> None:
    seen = exchange(mirror, headers={"user-agent": "mine/2"})["body"]["headers"]

    assert seen["user-agent"].startswith("mine/2 GoogleCloudWorkflows; (+")


@pytest.mark.parametrize(
    ("content", "content_type", "body"),
    [
        (b'{"a": 1.0, "b": 2}', "application/json", {"a": 1.0, "b": 2}),
        (b'{"title": "t"}', "application/json; charset=utf-8", {"title": "t"}),
        (b'{"title": "t"}', "application/problem+json; charset=utf-8", b'{"title": "t"}'),
        (b'{"title": "t"}', "application/vnd.api+json", b'{"title": "t"}'),
        (b"{broken", "application/json", "{broken"),
        (b"", "application/json", None),
        (b"", "text/html", ""),
        (b"\xe9", "text/plain; charset=ISO-8859-1", "é"),
        (b"\xc3\xa9", "text/csv", "é"),
        (b"\xc3\xa9", "text/plain; charset=nonsense", "é"),
        (b"plain", "", "plain"),
        (b"\xff\xfe", "", b"\xff\xfe"),
        (b"{}", "application/octet-stream", b"{}"),
        (b"<a/>", "application/xml", b"<a/>"),
    ],
)
def test_answer_is_read_by_its_content_type_when_received(
    exchange: Exchange, content: bytes, content_type: str, body: Any
) -> None:
    headers = {"content-type": content_type} if content_type else {}

    assert exchange(lambda _: httpx.Response(200, content=content, headers=headers))["body"] == body


@pytest.mark.parametrize("code", [301, 302, 303, 304, 307, 308])
def test_answer_is_a_result_when_its_code_is_below_400_and_it_leads_nowhere(exchange: Exchange, code: int) -> None:
    result = exchange(lambda _: httpx.Response(code))

    assert (result["code"], "tags" in result) == (code, False)


def test_redirects_are_http_error_when_endless(exchange: Exchange) -> None:
    error = exchange(lambda request: httpx.Response(302, headers={"location": str(request.url)}))

    assert error["tags"] == ["HttpError"]


def test_redirect_is_not_followed_when_it_leads_away_from_this_machine(exchange: Exchange) -> None:
    error = exchange(lambda _: httpx.Response(302, headers={"location": "http://example.com/"}))

    assert error["tags"] == ["ConnectionFailedError"]


@pytest.mark.parametrize("url", ["http://", "http://[", "http://127.0.0.1:99999/", "https://x y/", "http://\x00/"])
def test_url_is_connection_failed_error_when_malformed(exchange: Exchange, url: str) -> None:
    assert exchange(mirror, url=url)["tags"] == ["ConnectionFailedError"]


@pytest.mark.parametrize(
    ("raised", "tag"),
    [
        (httpx.ConnectError("refused"), "ConnectionFailedError"),
        (httpx.ConnectTimeout("slow"), "ConnectionFailedError"),
        (httpx.ReadError("reset"), "ConnectionError"),
        (httpx.RemoteProtocolError("hung up"), "ConnectionError"),
        (httpx.WriteError("broken pipe"), "ConnectionError"),
    ],
)
def test_error_has_the_tag_of_the_reference_when_transport_fails(
    exchange: Exchange, raised: Exception, tag: str
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise raised

    assert exchange(fail)["tags"] == [tag]


def test_emulator_answers_for_its_service_when_named_in_the_environment() -> None:
    environ = {"FIRESTORE_EMULATOR_HOST": "127.0.0.1:81", "STORAGE_EMULATOR_HOST": "http://127.0.0.1:82"}
    environ |= {"PUBSUB_EMULATOR_HOST": "pubsub.example:8085", "OTHER_EMULATOR_HOST": "127.0.0.1:1"}

    assert emulated(environ) == {
        "https://firestore.googleapis.com": "http://127.0.0.1:81",
        "https://storage.googleapis.com": "http://127.0.0.1:82",
    }


def test_answer_is_still_sent_when_its_text_holds_half_a_surrogate_pair(
    stand_in: Any, ended: Callable[[str], Any]
) -> None:
    parent = "/v1/projects/local/locations/us-central1/workflows"
    source = "main: {params: [x], steps: [{a: {return: '${x}'}}]}"
    stand_in.post(f"{parent}?workflowId=surrogate", {"sourceContents": source})
    execution = ended(stand_in.post(f"{parent}/surrogate/executions", {"argument": '"\\ud800"'})["name"])
    raw = stand_in.post(f"{parent}/surrogate/executions", {"argument": '"\ud800"'})

    assert json.loads(execution["result"]) == "\ufffd"
    assert raw["error"]["status"] == "INVALID_ARGUMENT"
