"""Replicate's answers, odd and hostile ones too: whom the adapter asks, with the token, and what it stores."""

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx2
import pytest

from promptreel.adapters import replicate
from promptreel.adapters.replicate import Replicate
from promptreel.errors import NotFound, PromptreelError, Refused, Transient, Unpaid
from promptreel.ports.models import Failed, LostSubmit, Operation, OperationState, Running, Succeeded, VideoRequest
from tests.fakes.artifacts import MemoryArtifacts
from tests.fakes.system import FakeClock

API = "https://api.replicate.com"
OUTPUT = "https://replicate.delivery/xezq/abc/tmp.mp4"
OPERATION = Operation("google/veo-3.1", "p1", "gs://artifacts/jobs/j/clips/s/call-1/")
CLIP_URI = f"{OPERATION.output_uri}sample_0.mp4"
REQUEST = VideoRequest("google/veo-3.1", "A boat", "gs://a/1.png", "gs://a/2.png", 4, "16:9", "720p", True, 7)
LOST = LostSubmit(OPERATION.model, OPERATION.output_uri, datetime(2026, 11, 30, 12, 0, tzinfo=UTC))
MARKED = {"image": "https://signed.example/1.png?expires=9#call-1"}


@dataclass
class Web:
    """What every address answers, and who was asked for what with which token."""

    answers: dict[str, Any]
    requests: list[httpx2.Request] = field(default_factory=list)

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.get(str(request.url.copy_with(query=None)), httpx2.Response(404))
        if isinstance(answer, httpx2.Response):
            return answer
        return httpx2.Response(200, **({"content": answer} if isinstance(answer, bytes) else {"json": answer}))

    def asked(self, host: str) -> list[httpx2.Request]:
        return [request for request in self.requests if request.url.host == host]


class Scripted(Replicate):
    """The adapter before a scripted web."""

    _client: httpx2.Client

    def __init__(self, web: Web, artifacts: MemoryArtifacts) -> None:
        super().__init__("secret", "", artifacts)
        headers = {"Authorization": "Bearer secret"}
        self._client = httpx2.Client(base_url=API, headers=headers, transport=httpx2.MockTransport(web.handle))


@pytest.fixture
def artifacts() -> MemoryArtifacts:
    return MemoryArtifacts(FakeClock())


def prediction(status: str, **more: Any) -> dict[str, Any]:
    created = {"created_at": "2026-11-30T12:00:01.123456Z"}
    return {"id": "p1", "status": status, "input": {}, "output": None, "error": None} | created | more


def web_with(answer: Any, **outputs: Any) -> Web:
    return Web({f"{API}/v1/predictions/p1": answer, OUTPUT: b"clip", **outputs})


def poll(answer: Any, artifacts: MemoryArtifacts) -> tuple[OperationState | type[PromptreelError], Web]:
    web = web_with(answer)
    try:
        return Scripted(web, artifacts).poll(OPERATION), web
    except PromptreelError as error:
        return type(error), web


@pytest.mark.parametrize("output", [OUTPUT, [OUTPUT], [OUTPUT, "https://replicate.delivery/second.mp4"]])
def test_output_is_copied_below_the_prefix_with_the_token(artifacts: MemoryArtifacts, output: Any) -> None:
    state, web = poll(prediction("succeeded", output=output), artifacts)

    assert state == Succeeded(CLIP_URI)
    assert artifacts.get(CLIP_URI) == b"clip"
    assert [request.headers["authorization"] for request in web.asked("replicate.delivery")] == ["Bearer secret"]


@pytest.mark.parametrize("output", [None, [], {}, 7])
def test_clip_is_paid_and_missing_when_no_output_is_named(artifacts: MemoryArtifacts, output: Any) -> None:
    state, _ = poll(prediction("succeeded", output=output, data_removed=True), artifacts)

    assert state == Succeeded(CLIP_URI)
    assert artifacts.list("jobs/") == []


@pytest.mark.parametrize("status", [404, 410])
def test_clip_is_paid_and_missing_when_its_output_has_expired(artifacts: MemoryArtifacts, status: int) -> None:
    web = web_with(prediction("succeeded", output=OUTPUT), **{OUTPUT: httpx2.Response(status)})

    assert Scripted(web, artifacts).poll(OPERATION) == Succeeded(CLIP_URI)
    assert artifacts.list("jobs/") == []


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/clip.mp4",
        "https://evilreplicate.delivery/clip.mp4",
        "https://replicate.delivery.evil.example/clip.mp4",
        "https://replicate.delivery@evil.example/clip.mp4",
        "https://evil.example/#.replicate.delivery",
        "http://replicate.delivery/clip.mp4",
        "http://api.replicate.com/clip.mp4",
        "https://api.replicate.com:8443/clip.mp4",
        "ftp://replicate.delivery/clip.mp4",
        "file:///etc/passwd",
        "//evil.example/clip.mp4",
        "/etc/passwd",
        "https://[",
        "",
    ],
)
def test_output_is_refused_and_never_asked_for_when_its_address_is_foreign(
    artifacts: MemoryArtifacts, link: str
) -> None:
    state, web = poll(prediction("succeeded", output=link), artifacts)

    assert state is Transient
    assert {request.url.host for request in web.requests} == {"api.replicate.com"}
    assert len(web.requests) == 1
    assert artifacts.list("jobs/") == []


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirect_of_an_output_is_not_followed(artifacts: MemoryArtifacts, status: int) -> None:
    moved = httpx2.Response(status, headers={"Location": "https://evil.example/clip.mp4"})
    web = web_with(prediction("succeeded", output=OUTPUT), **{OUTPUT: moved})

    with pytest.raises(Transient):
        Scripted(web, artifacts).poll(OPERATION)
    assert web.asked("evil.example") == []


def test_copy_is_repeated_when_there_is_no_room_for_it(
    artifacts: MemoryArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapter = Scripted(web_with(prediction("succeeded", output=OUTPUT)), artifacts)
    monkeypatch.setattr(Path, "open", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(Transient):
        adapter.poll(OPERATION)
    monkeypatch.undo()
    assert adapter.poll(OPERATION) == Succeeded(CLIP_URI)


def cut_after(data: bytes) -> Iterator[bytes]:
    yield data
    raise httpx2.ReadError("cut")


@pytest.mark.parametrize(
    "broken",
    [
        lambda: httpx2.Response(200, content=cut_after(b"half a cl")),
        lambda: httpx2.Response(200, content=iter([b"no gzip"]), headers={"Content-Encoding": "gzip"}),
        lambda: httpx2.Response(429),
        lambda: httpx2.Response(500),
    ],
    ids=["cut", "damaged", "throttled", "broken"],
)
def test_nothing_is_stored_until_a_whole_copy_succeeds(
    artifacts: MemoryArtifacts, broken: Callable[[], httpx2.Response]
) -> None:
    web = web_with(prediction("succeeded", output=OUTPUT), **{OUTPUT: broken()})
    adapter = Scripted(web, artifacts)

    with pytest.raises(Transient):
        adapter.poll(OPERATION)
    assert artifacts.list("jobs/") == []
    web.answers[OUTPUT] = b"clip"
    assert adapter.poll(OPERATION) == adapter.poll(OPERATION) == Succeeded(CLIP_URI)
    assert artifacts.get(CLIP_URI) == b"clip"
    assert len(web.asked("replicate.delivery")) == 2


@pytest.mark.parametrize(("size", "outcome"), [(100, Succeeded(CLIP_URI)), (101, Transient)])
def test_output_is_refused_when_it_is_over_the_limit(
    artifacts: MemoryArtifacts, monkeypatch: pytest.MonkeyPatch, size: int, outcome: object
) -> None:
    monkeypatch.setattr(replicate, "MAX_CLIP_BYTES", 100)
    web = web_with(prediction("succeeded", output=OUTPUT), **{OUTPUT: bytes(size)})
    try:
        seen: object = Scripted(web, artifacts).poll(OPERATION)
    except PromptreelError as error:
        seen = type(error)

    assert seen == outcome
    assert len(artifacts.list("jobs/")) == (size <= 100)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (prediction("starting"), Running()),
        (prediction("processing"), Running()),
        (prediction("of_next_year"), Running()),
        (prediction("canceled"), Succeeded(CLIP_URI)),
        (prediction("aborted"), Failed("The prediction ended as aborted.", ("unknown",))),
        (prediction("failed", error="flagged as sensitive (E005)"), Failed("flagged as sensitive (E005)", ("safety",))),
        (prediction("failed", error="Out of memory"), Failed("Out of memory", ("unknown",))),
        (prediction("failed", error={"odd": 1}), Failed("{'odd': 1}", ("unknown",))),
        (prediction("failed"), Failed("The prediction ended as failed.", ("unknown",))),
        ([], Transient),
        ({}, Transient),
        ("odd", Transient),
        (None, Transient),
        ({"id": "p1", "status": 7}, Transient),
        (b"<html>", Transient),
        (httpx2.Response(404), NotFound),
    ],
)
def test_poll_reads_every_state_and_repeats_what_it_cannot_read(
    artifacts: MemoryArtifacts, answer: Any, outcome: object
) -> None:
    state, _ = poll(answer, artifacts)

    assert state == outcome


def page(*results: dict[str, Any], to: str | None = None) -> dict[str, Any]:
    return {"next": to, "previous": None, "results": list(results)}


def test_list_is_asked_with_a_moment_in_utc_and_followed_by_its_own_addresses(artifacts: MemoryArtifacts) -> None:
    second = f"{API}/v1/predictions/second?cursor=abc%3D"
    web = Web(
        {
            f"{API}/v1/predictions": page(prediction("starting"), prediction("failed", input=None), to=second),
            f"{API}/v1/predictions/second": page(prediction("starting", id="p9", input=MARKED)),
        }
    )

    found = Scripted(web, artifacts).find(LOST)

    assert found == Operation(LOST.model, "p9", LOST.output_uri)
    first, following = web.requests
    assert dict(first.url.params) == {
        "created_after": "2026-11-30T11:59:00+00:00",
        "created_before": "2026-11-30T12:10:00+00:00",
    }
    assert str(following.url) == second


def test_call_is_not_found_by_the_mark_of_another_or_once_its_input_was_removed(artifacts: MemoryArtifacts) -> None:
    others = [
        prediction("starting", input={"image": "https://signed.example/1.png?expires=9#call-2"}),
        prediction("starting", input={"image": "https://signed.example/1.png?expires=9"}),
        prediction("starting", input={"last_frame": MARKED["image"]}),
        prediction("succeeded", data_removed=True),
        prediction("starting", input="odd"),
    ]

    assert Scripted(Web({f"{API}/v1/predictions": page(*others)}), artifacts).find(LOST) is None


@pytest.mark.parametrize(
    "to", ["https://evil.example/v1/predictions", "http://api.replicate.com/v1", "//evil.example", "x"]
)
def test_list_is_not_followed_to_a_foreign_address(artifacts: MemoryArtifacts, to: str) -> None:
    web = Web({f"{API}/v1/predictions": page(to=to)})

    with pytest.raises(Transient):
        Scripted(web, artifacts).find(LOST)
    assert len(web.requests) == 1


def test_list_is_left_once_it_is_older_than_the_call(artifacts: MemoryArtifacts) -> None:
    older = prediction("succeeded", created_at="2026-11-30T11:58:59Z")
    web = Web({f"{API}/v1/predictions": page(prediction("starting"), older, to=f"{API}/v1/predictions")})

    assert Scripted(web, artifacts).find(LOST) is None
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [httpx2.Response(404), [], {}, {"results": None}, {"results": [{}]}, {"results": [], "next": 7}, b"<html>"],
)
def test_list_that_cannot_be_read_is_not_taken_for_an_empty_one(artifacts: MemoryArtifacts, answer: Any) -> None:
    with pytest.raises(Transient):
        Scripted(Web({f"{API}/v1/predictions": answer}), artifacts).find(LOST)


def test_list_without_end_is_left_after_some_pages(artifacts: MemoryArtifacts) -> None:
    web = Web({f"{API}/v1/predictions": page(to=f"{API}/v1/predictions")})

    with pytest.raises(Transient):
        Scripted(web, artifacts).find(LOST)
    assert len(web.requests) == replicate.LISTED_PAGES


class UnsignedArtifacts(MemoryArtifacts):
    """A bucket whose links cannot be signed."""

    def __init__(self, error: PromptreelError) -> None:
        super().__init__(FakeClock())
        self._error = error

    def sign_urls(self, uris: Any, expires_s: int) -> dict[str, str]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "outcome"), [(Transient("busy"), Unpaid), (PromptreelError("no role", code="misconfigured"), Refused)]
)
def test_submit_is_certainly_unpaid_when_no_link_can_be_signed(
    error: PromptreelError, outcome: type[Exception]
) -> None:
    web = Web({})

    with pytest.raises(outcome) as failed:
        Scripted(web, UnsignedArtifacts(error)).submit(REQUEST, OPERATION.output_uri, 60.0)
    assert type(failed.value) is outcome
    assert web.requests == []


def test_submit_sends_every_input_that_has_a_price_and_marks_the_first_keyframe(artifacts: MemoryArtifacts) -> None:
    web = Web({f"{API}/v1/models/google/veo-3.1/predictions": prediction("starting")})

    assert Scripted(web, artifacts).submit(REQUEST, OPERATION.output_uri, 60.0) == "p1"
    (sent,) = web.requests
    assert sent.method == "POST"
    body = httpx2.Response(200, content=sent.content).json()
    assert body == {
        "input": {
            "prompt": "A boat",
            "image": "https://signed.example/a/1.png?expires=21600#call-1",
            "last_frame": "https://signed.example/a/2.png?expires=21600",
            "duration": 4,
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "generate_audio": True,
            "seed": 7,
        }
    }
