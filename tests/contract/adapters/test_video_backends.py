"""Every video backend before its stand-in: what is submitted, how a refusal or a fault ends, and what a poll says.

A case names the backends that can have it; a backend whose API has no such thing is not in its row.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.replicate.harness import colour, shown
from localcloud.tests.vertex.harness import pixels
from promptreel.domain.models import VideoProtocol
from promptreel.errors import AnswerLost, CallFailed, NotFound, Refused, Throttled, Transient
from promptreel.ports.models import Failed, LostSubmit, Running, Succeeded
from tests.contract.adapters.backends import (
    FIRST,
    LAST,
    Setting,
    omni_setting,
    replicate_setting,
    veo_setting,
)

VEO: VideoProtocol = "veo"
OMNI: VideoProtocol = "interactions"
REPLICATE: VideoProtocol = "predictions"
VERTEX = (VEO, OMNI)
ALL = (VEO, OMNI, REPLICATE)


@pytest.fixture(params=ALL)
def setting(request: pytest.FixtureRequest, object_store: ObjectStore) -> Iterator[Setting]:
    if request.param == REPLICATE:
        with replicate_setting(request.getfixturevalue("replicate"), object_store) as setting:
            yield setting
    else:
        vertex = request.getfixturevalue("vertex")
        yield (veo_setting if request.param == VEO else omni_setting)(vertex, object_store)


def cases(*rows: tuple[Any, ...]) -> list[Any]:
    """From (case, backends, values…) to one parameter set for every backend of a case."""
    return [
        pytest.param(protocol, *values, id=f"{protocol}-{case}")
        for case, protocols, *values in rows
        for protocol in protocols
    ]


def in_words(code: int, message: str) -> dict[str, Any]:
    """The order of a status: Vertex's stand-in calls its words message, Replicate's detail."""
    return {"code": code, "message": message, "detail": message}


def test_clip_lies_below_its_own_prefix_when_it_is_delivered(setting: Setting, object_store: ObjectStore) -> None:
    operation = setting.submit("delivered")
    state = setting.end_of(operation)

    assert isinstance(state, Succeeded)
    assert state.uri.startswith(operation.output_uri)
    stored = object_store.listed(operation.output_uri.removeprefix("gs://films/"))
    assert [f"gs://films/{each['name']}" for each in stored] == [state.uri]
    assert [outcome for outcome, _ in setting.bills()] == ["delivered"]


@pytest.mark.parametrize("setting", [VEO, REPLICATE], indirect=True)
def test_clip_costs_its_seconds_when_its_model_is_paid_by_them(setting: Setting) -> None:
    state = setting.end_of(setting.submit("by-seconds"))

    assert isinstance(state, Succeeded)
    assert state.usage is None
    assert setting.bills() == [("delivered", 4 * 200_000)]


def test_clip_leads_from_the_first_keyframe_to_the_last(setting: Setting, object_store: ObjectStore) -> None:
    state = setting.end_of(setting.submit("keyframes"))
    assert isinstance(state, Succeeded)
    frames = shown(object_store.get(state.uri))

    for frame, keyframe in ((frames[0], FIRST), (frames[-1], LAST)):
        wanted = pixels(keyframe).reshape(-1, 3).mean(axis=0)
        assert colour(frame) == pytest.approx(wanted, abs=8)


SAFETY = "The prompt violates our usage guidelines. Support codes: 58061214"
REFUSALS = cases(
    ("safety", ALL, in_words(400, SAFETY), Refused, ("58061214",)),
    ("capability", ALL, in_words(400, "duration must be one of 4, 6, 8"), Refused, ("capability",)),
    ("invalid input", [REPLICATE], in_words(422, "input.duration must be one of 4, 6, 8"), Refused, ("capability",)),
    ("token", ALL, in_words(401, "Not a valid authentication token."), Refused, ("configuration",)),
    ("credit", [REPLICATE], {"code": 402}, Refused, ("configuration",)),
    ("permission", ALL, in_words(403, "Permission denied."), Refused, ("configuration",)),
    ("retired model", ALL, {"code": 404}, Refused, ("model_unavailable",)),
    ("quota", ALL, in_words(429, "Resource exhausted."), Throttled, ()),
    ("request timeout", ALL, in_words(408, "Request timeout."), AnswerLost, ()),
    ("internal error", ALL, in_words(500, "Internal error."), AnswerLost, ()),
    ("bad gateway", ALL, in_words(502, "Bad gateway."), AnswerLost, ()),
    ("unavailable", ALL, in_words(503, "Unavailable."), AnswerLost, ()),
    ("gateway timeout", ALL, in_words(504, "Deadline exceeded."), AnswerLost, ()),
)


@pytest.mark.parametrize(("setting", "args", "error", "codes"), REFUSALS, indirect=["setting"])
def test_submit_ends_by_its_status_after_one_post(
    setting: Setting, args: dict[str, Any], error: type[CallFailed], codes: tuple[str, ...]
) -> None:
    setting.stand_in.break_with("status", args=args)

    with pytest.raises(CallFailed) as failed:
        setting.submit("refused")

    assert (type(failed.value), failed.value.codes) == (error, codes)
    assert setting.stand_in.happened() == {"status": 1}
    assert setting.bills() == []


@pytest.mark.parametrize(("fault", "accepted"), [("reset_before", 0), ("reset_after", 1)])
def test_submit_is_lost_after_one_post_when_its_connection_is_reset(
    setting: Setting, fault: str, accepted: int
) -> None:
    setting.stand_in.break_with(fault)

    with pytest.raises(AnswerLost):
        setting.submit("reset")

    assert setting.stand_in.happened() == {fault: 1}
    assert len(setting.bills()) == accepted


def test_submit_is_lost_after_one_post_when_no_answer_comes_in_time(setting: Setting) -> None:
    setting.stand_in.break_with("hang", args={"s": 2.0})

    with pytest.raises(AnswerLost):
        setting.submit("slow", timeout_s=0.3)

    assert setting.stand_in.happened() == {"hang": 1}


ENDS = cases(
    ("filtered", VERTEX, "rai", {"codes": [58061214]}, ("58061214",), "Support codes: 58061214"),
    ("filtered", [REPLICATE], "rai", {}, ("safety",), "flagged as sensitive"),
    ("filtered by Google", [REPLICATE], "rai", {"error": SAFETY}, ("58061214",), "Support codes: 58061214"),
    ("sound filtered", VERTEX, "rai", {"reason": "We had an issue with the audio."}, ("audio",), "with the audio"),
    ("no capacity", VERTEX, "op_error", {"code": 8, "message": "No capacity."}, ("quota",), "No capacity. (code 8)"),
    (
        "broken",
        VERTEX,
        "op_error",
        {"code": 13, "message": "Internal error."},
        ("outage",),
        "Internal error. (code 13)",
    ),
    ("broken", [REPLICATE], "failed", {"error": "Internal error (E9243)"}, ("outage",), "Internal error"),
    ("unknown", [REPLICATE], "failed", {"error": "Something odd."}, ("unknown",), "Something odd."),
)


@pytest.mark.parametrize(("setting", "fault", "args", "codes", "reason"), ENDS, indirect=["setting"])
def test_operation_fails_without_a_bill_and_says_which_remedy_fits(
    setting: Setting, fault: str, args: dict[str, Any], codes: tuple[str, ...], reason: str
) -> None:
    setting.stand_in.break_with(fault, args=args)
    state = setting.end_of(setting.submit("failed"))

    assert isinstance(state, Failed)
    assert state.codes == codes
    assert reason in state.reason
    assert state.usage is None
    assert [micros for _, micros in setting.bills()] == [0]


def test_operation_keeps_running_when_it_is_never_done(setting: Setting) -> None:
    setting.stand_in.break_with("never_done", nth=[1])
    stuck, punctual = setting.submit("stuck"), setting.submit("punctual")
    setting.end_of(punctual)

    assert setting.backend.poll(stuck) == Running()


def test_polls_of_many_operations_answer_each_by_itself(setting: Setting) -> None:
    setting.stand_in.break_with("never_done", nth=[1])
    running, done, unknown = setting.submit("running"), setting.submit("done"), setting.unknown_operation()
    setting.end_of(done)

    found = setting.poll_all(running, done, unknown)

    assert {name: type(state) for name, state in found.items()} == {
        running.name: Running,
        done.name: Succeeded,
        unknown.name: NotFound,
    }
    assert setting.poll_all() == {}


@pytest.mark.parametrize("setting", VERTEX, indirect=True)
def test_operation_is_unknown_when_the_provider_has_lost_it(setting: Setting) -> None:
    setting.stand_in.break_with("op_lost")

    with pytest.raises(NotFound):
        setting.backend.poll(setting.submit("lost"))


POLL_FAULTS = {
    "quota": ("status", in_words(429, "Resource exhausted.")),
    "no permission": ("status", in_words(403, "Permission denied.")),
    "unavailable": ("status", in_words(503, "Unavailable.")),
    "reset": ("reset_before", {}),
}


@pytest.mark.parametrize(("fault", "args"), POLL_FAULTS.values(), ids=POLL_FAULTS)
def test_poll_that_fails_is_transient_and_leaves_the_operation_as_it_is(
    setting: Setting, fault: str, args: dict[str, Any]
) -> None:
    operation = setting.submit("polled")
    setting.stand_in.break_with(fault, method=setting.read, args=args)

    assert type(setting.poll_all(operation)[operation.name]) is Transient
    setting.stand_in.control("DELETE", "faults")
    assert isinstance(setting.end_of(operation), Succeeded)


def test_polls_leave_out_operations_that_do_not_answer_in_time(setting: Setting) -> None:
    slow, quick = setting.submit("slow"), setting.submit("quick")
    setting.end_of(quick)
    setting.stand_in.break_with("hang", method=setting.read, nth=[1], args={"s": 5.0})

    first = setting.poll_all(slow, within_s=0.5)
    second = setting.poll_all(quick)

    assert first == {}
    assert isinstance(second[quick.name], Succeeded)


@pytest.mark.parametrize("setting", VERTEX, indirect=True)
def test_lost_submit_is_not_looked_for_when_the_provider_has_no_list(setting: Setting) -> None:
    operation = setting.submit("unlisted")

    assert setting.backend.find(LostSubmit(operation.model, operation.output_uri, datetime.now(UTC))) is None
