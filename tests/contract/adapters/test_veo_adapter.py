"""The video adapter before the stand-in: what is submitted, how a refusal or a fault ends, and what a poll says."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from google import genai

from localcloud.tests.loopback import free_port
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import VIDEO_MODEL, FakeVertex, a_picture
from localcloud.tests.waiting import eventually
from promptreel.adapters.veo import Veo
from promptreel.adapters.video import VideoBackends
from promptreel.errors import AnswerLost, CallFailed, NotFound, PromptreelError, Refused, Throttled, Transient, Unpaid
from promptreel.ports.models import Failed, Operation, OperationState, Running, Succeeded, VideoRequest

LOCATION = "us-central1"
TIMEOUT_S = 60.0
POLL_S = 60.0
SAFETY = "The prompt violates our usage guidelines. Support codes: 58061214"
UNKNOWN = (
    f"projects/any-project/locations/{LOCATION}/publishers/google/models/{VIDEO_MODEL}"
    "/operations/00000000-0000-0000-0000-000000000000"
)


class LoopbackVeo(Veo):
    """The adapter with a client that is turned to the stand-in."""

    _client: genai.Client

    def __init__(self, vertex: FakeVertex) -> None:
        super().__init__("any-project", LOCATION, vertex.url)
        self._client = vertex.client(location=LOCATION)


@pytest.fixture
def veo(vertex: FakeVertex) -> Veo:
    return LoopbackVeo(vertex)


@pytest.fixture(scope="session")
def request_a_clip(object_store: ObjectStore) -> VideoRequest:
    """A request between two stored keyframes."""
    return VideoRequest(
        model=VIDEO_MODEL,
        prompt="A boat leaves the harbour",
        first_uri=object_store.put("keyframes/first.png", a_picture("#203080")),
        last_uri=object_store.put("keyframes/last.png", a_picture("#a04010")),
        seconds=4,
        aspect="16:9",
        resolution="720p",
        audio=False,
        seed=7,
    )


@pytest.fixture
def submit(veo: Veo, request_a_clip: VideoRequest) -> Callable[[str], str]:
    """Submit the clip for an output folder."""
    return lambda folder: veo.submit(request_a_clip, f"gs://films/{folder}/", TIMEOUT_S)


def the(name: str) -> Operation:
    """The operation of this name."""
    return Operation(VIDEO_MODEL, name, "gs://films/")


def poll_all(veo: Veo, names: list[str], within_s: float) -> Mapping[str, OperationState | PromptreelError]:
    """What the polls of several operations bring."""
    return VideoBackends({"veo": veo}).poll_all(map(the, names), within_s)


def end_of(veo: Veo, operation: str) -> Succeeded | Failed:
    """The state of an operation once it no longer runs."""
    eventually(lambda: veo.poll(the(operation)) != Running())
    state = veo.poll(the(operation))
    assert not isinstance(state, Running)
    return state


def test_clip_is_delivered_into_its_own_folder(
    vertex: FakeVertex, veo: Veo, submit: Callable[[str], str], object_store: ObjectStore
) -> None:
    state = end_of(veo, submit("veo-adapter"))

    assert isinstance(state, Succeeded)
    assert state.uri.startswith("gs://films/veo-adapter/")
    assert [stored["name"] for stored in object_store.listed("veo-adapter/")] == [state.uri.removeprefix("gs://films/")]
    assert [(line["outcome"], line["micros"]) for line in vertex.ledger()] == [("delivered", 4 * 200_000)]


REFUSALS: dict[str, tuple[dict[str, Any], type[CallFailed], tuple[str, ...]]] = {
    "safety": ({"code": 400, "message": SAFETY, "status": "INVALID_ARGUMENT"}, Refused, ("58061214",)),
    "retired model": ({"code": 404}, Refused, ("model_unavailable",)),
    "no permission": (
        {"code": 403, "message": "Permission denied.", "status": "PERMISSION_DENIED"},
        Refused,
        ("configuration",),
    ),
    "quota": ({"code": 429, "message": "Resource exhausted.", "status": "RESOURCE_EXHAUSTED"}, Throttled, ()),
    "internal error": ({"code": 500, "message": "Internal error.", "status": "INTERNAL"}, AnswerLost, ()),
    "unavailable": ({"code": 503, "message": "Unavailable.", "status": "UNAVAILABLE"}, AnswerLost, ()),
}


@pytest.mark.parametrize(("args", "error", "codes"), REFUSALS.values(), ids=REFUSALS)
def test_submission_ends_by_its_status_after_one_post(
    vertex: FakeVertex,
    submit: Callable[[str], str],
    args: dict[str, Any],
    error: type[CallFailed],
    codes: tuple[str, ...],
) -> None:
    vertex.break_with("status", args=args)

    with pytest.raises(CallFailed) as failed:
        submit("refused")

    assert (type(failed.value), failed.value.codes) == (error, codes)
    assert vertex.happened() == {"status": 1}
    assert vertex.ledger() == []


@pytest.mark.parametrize(("fault", "accepted"), [("reset_before", 0), ("reset_after", 1)])
def test_submission_is_lost_after_one_post_when_its_connection_is_reset(
    vertex: FakeVertex, submit: Callable[[str], str], fault: str, accepted: int
) -> None:
    vertex.break_with(fault)

    with pytest.raises(AnswerLost):
        submit("reset")

    assert vertex.happened() == {fault: 1}
    assert len(vertex.ledger()) == accepted


def test_submission_is_lost_after_one_post_when_no_answer_comes_in_time(
    vertex: FakeVertex, veo: Veo, request_a_clip: VideoRequest
) -> None:
    vertex.break_with("hang", args={"s": 2.0})

    with pytest.raises(AnswerLost):
        veo.submit(request_a_clip, "gs://films/slow/", 0.3)

    assert vertex.happened() == {"hang": 1}


def test_submission_is_unpaid_when_nothing_listens(request_a_clip: VideoRequest) -> None:
    absent = LoopbackVeo(FakeVertex(free_port()))

    with pytest.raises(Unpaid):
        absent.submit(request_a_clip, "gs://films/absent/", TIMEOUT_S)


ENDS: dict[str, tuple[str, dict[str, Any], tuple[str, ...], str]] = {
    "filtered": ("rai", {"codes": [58061214]}, ("58061214",), "Support codes: 58061214"),
    "its sound filtered": ("rai", {"reason": "We had an issue with the audio."}, ("audio",), "with the audio"),
    "out of capacity": (
        "op_error",
        {"code": 8, "message": "Out of capacity."},
        ("quota",),
        "Out of capacity. (code 8)",
    ),
    "broken": ("op_error", {"code": 13, "message": "Internal error."}, ("outage",), "Internal error. (code 13)"),
}


@pytest.mark.parametrize(("fault", "args", "codes", "reason"), ENDS.values(), ids=ENDS)
def test_operation_fails_without_a_bill_and_says_which_remedy_fits(
    vertex: FakeVertex,
    veo: Veo,
    submit: Callable[[str], str],
    fault: str,
    args: dict[str, Any],
    codes: tuple[str, ...],
    reason: str,
) -> None:
    vertex.break_with(fault, args=args)
    state = end_of(veo, submit("failed"))

    assert isinstance(state, Failed)
    assert state.codes == codes
    assert reason in state.reason
    assert [line["micros"] for line in vertex.ledger()] == [0]


def test_operation_keeps_running_when_it_is_never_done(
    vertex: FakeVertex, veo: Veo, submit: Callable[[str], str]
) -> None:
    vertex.break_with("never_done", nth=[1])
    stuck, punctual = submit("stuck"), submit("punctual")
    end_of(veo, punctual)

    assert veo.poll(the(stuck)) == Running()


def test_polls_of_many_operations_answer_each_by_itself(
    vertex: FakeVertex, veo: Veo, submit: Callable[[str], str]
) -> None:
    vertex.break_with("op_lost", nth=[1])
    vertex.break_with("never_done", nth=[2])
    lost, running, done = (submit(name) for name in ("lost", "running", "done"))
    end_of(veo, done)

    found = poll_all(veo, [lost, running, done, UNKNOWN], POLL_S)

    assert {operation: type(state) for operation, state in found.items()} == {
        lost: NotFound,
        running: Running,
        done: Succeeded,
        UNKNOWN: NotFound,
    }
    assert poll_all(veo, [], POLL_S) == {}


POLL_FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "quota": ("status", {"code": 429, "message": "Resource exhausted."}),
    "no permission": ("status", {"code": 403, "message": "Permission denied."}),
    "unavailable": ("status", {"code": 503, "message": "Unavailable."}),
    "reset": ("reset_before", {}),
}


@pytest.mark.parametrize(("fault", "args"), POLL_FAULTS.values(), ids=POLL_FAULTS)
def test_poll_that_fails_is_transient_and_leaves_the_operation_as_it_is(
    vertex: FakeVertex, veo: Veo, submit: Callable[[str], str], fault: str, args: dict[str, Any]
) -> None:
    operation = submit("polled")
    vertex.break_with(fault, method="fetchPredictOperation", args=args)

    assert type(poll_all(veo, [operation], POLL_S)[operation]) is Transient
    vertex.control("DELETE", "faults")
    assert isinstance(end_of(veo, operation), Succeeded)


def test_polls_leave_out_operations_that_do_not_answer_in_time(
    vertex: FakeVertex, veo: Veo, submit: Callable[[str], str]
) -> None:
    slow, quick = submit("slow"), submit("quick")
    end_of(veo, quick)
    vertex.break_with("hang", method="fetchPredictOperation", nth=[1], args={"s": 5.0})

    first = poll_all(veo, [slow], 0.5)
    second = poll_all(veo, [quick], POLL_S)

    assert first == {}
    assert isinstance(second[quick], Succeeded)
