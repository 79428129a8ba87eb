"""``GET /v1/jobs/{id}/events`` as server-sent events: what is sent when, where a stream ends, and how it is resumed."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from promptreel.domain.call import Call
from promptreel.domain.document import Problem
from promptreel.domain.states import CallState, JobState
from promptreel.errors import Transient
from promptreel.http import routes
from promptreel.http.event_stream import HEARTBEAT_S, MAX_NAMES, STREAM_S, WINDOW_S, Cursor
from promptreel.ports.storage import Create
from promptreel.usecases import delete_job, job_lifecycle
from promptreel.usecases.watch_job import Watchers
from tests.factories import a_call
from tests.fakes.system import START
from tests.fakes.watching import WatchedWorld
from tests.unit.http.api_requests import bearer

EVENTS = "/v1/jobs/job-1/events"
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def world() -> WatchedWorld:
    return WatchedWorld(state=JobState.VIDEO_GEN)


@pytest.fixture
def http(world: WatchedWorld) -> FlaskClient:
    return routes.app(lambda: world).test_client()


def open_stream(http: FlaskClient, last_event_id: str | None = None, owner: str = "mira@example.com") -> TestResponse:
    resumed = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    return http.get(EVENTS, headers={**bearer(owner), **STREAM, **resumed})


def read(answer: TestResponse) -> Iterator[dict[str, str]]:
    """The messages of a stream as they come; a comment is a message without fields."""
    lines: dict[str, str] = {}
    for chunk in answer.iter_encoded():
        for line in chunk.decode().splitlines():
            if not line:
                yield lines
                lines = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                lines[name] = value


def events_in(messages: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    return [json.loads(message["data"]) for message in messages if "id" in message]


def names_in(messages: Iterable[dict[str, str]]) -> list[str]:
    return [message["event"] for message in messages if "event" in message]


def a_paid_call(number: int, sent_s: float) -> Call:
    sent = START + timedelta(seconds=sent_s)
    return a_call(f"call-{number}", state=CallState.SENT, sent_at=sent, created=sent, updated=sent)


def add_call(world: WatchedWorld, number: int, sent_s: float) -> Callable[[], None]:
    return lambda: world.jobs.write(Create("job-1", a_paid_call(number, sent_s)))


def fail(world: WatchedWorld) -> Callable[[], None]:
    problem = Problem(code="broken", message="It broke.", remedy="Resume it.")

    def end() -> None:
        job_lifecycle.fail("job-1", 1, problem, world)

    return end


def test_stream_sends_the_past_then_each_event_and_ends_with_the_job(http: FlaskClient, world: WatchedWorld) -> None:
    world.clock.at(10, add_call(world, 1, 9))
    world.clock.at(40, fail(world))

    answer = open_stream(http)
    messages = list(read(answer))

    assert answer.content_type == "text/event-stream; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache, no-transform"
    assert messages[0] == {"retry": "2000"}
    assert [event["event"] for event in events_in(messages)] == ["state", "call_sent", "state"]
    assert events_in(messages)[-1]["error"]["message"] == "It broke."
    assert names_in(messages) == ["progress", "progress", "progress", "end"]
    assert json.loads(messages[-1]["data"]) == {"id": "job-1", "state": "FAILED"}
    listed = http.get(EVENTS, headers=bearer()).get_json()["events"]
    assert events_in(messages) == listed, "the list of events says the same"


def test_progress_is_sent_when_it_changes_and_has_no_id(http: FlaskClient, world: WatchedWorld) -> None:
    world.clock.at(10, world.change_scene)
    world.clock.at(20, lambda: world.change_job(warnings=("of no progress",)))

    messages = read(open_stream(http))
    told = [message for message in messages if message.get("event") == "progress"]

    assert [json.loads(one["data"])["progress"]["scenes_done"] for one in told] == [0, 1]
    assert not any("id" in one for one in told)


def test_stream_sends_a_heartbeat_while_nothing_happens_and_ends_before_the_time_limit(
    http: FlaskClient, world: WatchedWorld
) -> None:
    messages = list(read(open_stream(http)))

    assert messages[3:] == [{}] * (STREAM_S // HEARTBEAT_S)
    assert world.clock.since_start_s == STREAM_S


def test_stream_waits_on_when_the_job_is_at_a_gate(http: FlaskClient, world: WatchedWorld) -> None:
    world.change_job(state=JobState.AWAITING_APPROVAL)
    world.clock.at(100, lambda: world.change_job(state=JobState.CANCELLED))

    assert names_in(read(open_stream(http))) == ["progress", "progress", "end"]


def test_resumed_stream_misses_and_repeats_nothing_wherever_it_broke_off(world: WatchedWorld) -> None:
    """Each part is read from another instance, which knows nothing but the id."""
    for number in range(5):
        world.clock.at(10 * number + 1, add_call(world, number, 10 * number))
    world.clock.at(25, add_call(world, 9, 3))  # dated before others, and visible after them
    world.clock.at(60, fail(world))
    got: list[dict[str, Any]] = []
    last_id = None
    while (answer := open_stream(routes.app(lambda: world).test_client(), last_id)).status_code != 204:
        for message in read(answer):
            if "id" in message:
                last_id = message["id"]
                got += events_in([message])
                break
        answer.close()

    listed = routes.app(lambda: world).test_client().get(EVENTS, headers=bearer()).get_json()["events"]
    assert sorted(got, key=str) == sorted(listed, key=str)
    assert len(listed) == 8


def test_caller_who_has_seen_the_end_is_told_not_to_return(http: FlaskClient, world: WatchedWorld) -> None:
    fail(world)()
    last_id = [message["id"] for message in read(open_stream(http)) if "id" in message][-1]

    again = open_stream(http, last_id)

    assert (again.status_code, again.data) == (204, b"")


def test_caller_of_a_job_that_ended_gets_what_came_after_it_left(http: FlaskClient, world: WatchedWorld) -> None:
    first = next(message for message in read(open_stream(http)) if "id" in message)
    fail(world)()

    messages = list(read(open_stream(http, first["id"])))

    assert [event["state"] for event in events_in(messages)] == ["FAILED"]
    assert names_in(messages) == ["progress", "end"]


@pytest.mark.parametrize(
    "last_id", ["12", "x.abcdef", "5.abcde", "5.abcdef\u00e9", "99999999999999999.", "9" * 30 + "."]
)
def test_stream_is_refused_or_empty_when_its_id_is_no_id_of_a_stream(http: FlaskClient, last_id: str) -> None:
    answer = http.get(EVENTS, headers={**bearer(), **STREAM, "Last-Event-ID": last_id.encode().decode("latin-1")})

    if last_id == "99999999999999999.":
        assert answer.status_code == 200, "a time in the far future: everything was sent"
        assert events_in(read(answer)) == []
    else:
        assert answer.status_code == 422
        assert answer.get_json()["message"].startswith("Last-Event-ID:")


def test_stream_says_that_the_job_is_deleted_and_the_caller_finds_none_after_it(
    http: FlaskClient, world: WatchedWorld
) -> None:
    world.clock.at(10, lambda: delete_job.mark("job-1", world))

    messages = list(read(open_stream(http)))

    assert names_in(messages) == ["progress", "deleted"]
    assert open_stream(http).status_code == 404


def test_stream_goes_on_when_the_store_was_away(
    http: FlaskClient, world: WatchedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_job = world.jobs.get_job

    def fail_read(_: str) -> None:
        raise Transient("no database")

    def recover() -> None:
        monkeypatch.setattr(world.jobs, "get_job", get_job)
        fail(world)()

    world.clock.at(10, lambda: monkeypatch.setattr(world.jobs, "get_job", fail_read, raising=False))
    world.clock.at(100, recover)

    assert names_in(read(open_stream(http)))[-1] == "end"


def test_stream_ends_with_the_problem_when_a_document_cannot_be_read(http: FlaskClient, world: WatchedWorld) -> None:
    def fail_read(_: str) -> None:
        raise RuntimeError("a bug with a secret")

    world.clock.at(10, lambda: setattr(world.jobs, "get_job", fail_read))

    last = list(read(open_stream(http)))[-1]

    assert last["event"] == "problem"
    assert json.loads(last["data"])["code"] == "internal"
    assert "secret" not in last["data"]


def test_foreign_stream_is_not_found(http: FlaskClient) -> None:
    assert open_stream(http, owner="other@example.com").status_code == 404
    assert http.get(EVENTS, headers=STREAM).status_code == 403


def test_events_are_a_list_unless_a_stream_is_asked_for(http: FlaskClient) -> None:
    for accept in ("*/*", "application/json", "text/html", "application/json, text/event-stream;q=0.5"):
        assert http.get(EVENTS, headers={**bearer(), "Accept": accept}).is_json


def test_watcher_that_goes_away_makes_room_for_another(world: WatchedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "Watchers", lambda: Watchers(limit=1))
    http = routes.app(lambda: world).test_client()
    first = open_stream(http)
    assert open_stream(http).status_code == 503

    first.close()  # before it has read a message

    second = open_stream(http)
    assert second.status_code == 200
    next(read(second))
    second.close()
    assert open_stream(http).status_code == 200


def test_refused_stream_makes_room_for_another(world: WatchedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "Watchers", lambda: Watchers(limit=1))
    http = routes.app(lambda: world).test_client()
    assert open_stream(http, "nonsense").status_code == 422
    fail(world)()
    assert open_stream(http, "99999999999999999.").status_code == 204

    assert open_stream(http).status_code == 200


def an_event(at_s: int, number: int) -> dict[str, Any]:
    return {"at": (START + timedelta(seconds=at_s)).isoformat(), "event": "call_sent", "call": f"call-{number}"}


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, WINDOW_S - 1)), max_size=40), st.data())
def test_cursor_loses_and_repeats_nothing_that_becomes_visible_within_its_window(
    written: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Events by their time and how much later they become visible; the stream breaks off after any of them."""
    events = [(at, late, an_event(at, number)) for number, (at, late) in enumerate(written)]
    got, last_id = [], None
    for moment in range(0, 800, 20):
        visible = [event for at, late, event in sorted(events, key=lambda one: one[0]) if at + late <= moment]
        cursor = Cursor.parse(last_id, visible)
        for event in cursor.list_unsent(visible):
            cursor.add(event)
            last_id = str(cursor)
            got.append(event["call"])
            if data.draw(st.booleans()):
                break  # the connection is cut
    while left := Cursor.parse(last_id, (all_events := [event for *_, event in events])).list_unsent(all_events):
        cursor = Cursor.parse(last_id, all_events)
        cursor.add(left[0])
        last_id = str(cursor)
        got.append(left[0]["call"])

    assert sorted(got) == sorted(event["call"] for *_, event in events)


def test_cursor_fits_into_a_header_and_loses_nothing_when_its_window_is_full() -> None:
    events = [an_event(0, number) for number in range(2 * MAX_NAMES)]
    cursor = Cursor()
    for event in events[:-1]:
        cursor.add(event)

    assert len(str(cursor)) < 8000
    assert events[-1] in Cursor.parse(str(cursor), events).list_unsent(events)
