"""Many operations are polled at the same time, and polls that hang keep no other from its answer."""

import math
from collections.abc import Iterable, Mapping
from threading import Barrier, Event

from promptreel.adapters import veo, video
from promptreel.adapters.video import VideoBackends
from promptreel.errors import NotFound, PromptreelError, Transient
from promptreel.ports.models import LostSubmit, Operation, OperationState, Running, VideoRequest
from promptreel.usecases import filming, poll_clips
from tests.infra.policy import declared

LONG_S = 60.0


MODEL = "veo-3.1-generate-001"


class ScriptedBackend:
    """A backend whose polls are answered by the test."""

    def __init__(self) -> None:
        self.released = Event()
        self.started = Barrier(video.POLLS_AT_ONCE)

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        raise NotImplementedError

    def find(self, lost: LostSubmit) -> Operation | None:
        raise NotImplementedError

    def connect(self) -> None:
        pass

    def poll(self, operation: Operation) -> OperationState:
        match operation.name.partition("-")[0]:
            case "hung":
                self.released.wait(LONG_S)
            case "together":
                self.started.wait(LONG_S)
            case "unknown":
                raise NotFound(operation.name)
            case "busy":
                raise Transient(operation.name)
        return Running()

    def poll_all(self, names: Iterable[str], within_s: float) -> Mapping[str, OperationState | PromptreelError]:
        operations = [Operation(MODEL, name, f"gs://b/{name}/") for name in names]
        return VideoBackends({"veo": self}).poll_all(operations, within_s)


def test_polls_are_answered_within_the_time_when_four_of_sixty_hang() -> None:
    scripted = ScriptedBackend()
    prompt = {f"prompt-{number}" for number in range(56)}
    hung = [f"hung-{number}" for number in range(4)]

    seen = scripted.poll_all([*hung, *prompt], 2.0)
    scripted.released.set()

    assert seen == dict.fromkeys(prompt, Running())


def test_polls_travel_at_the_same_time() -> None:
    operations = [f"together-{number}" for number in range(video.POLLS_AT_ONCE)]

    assert ScriptedBackend().poll_all(operations, LONG_S) == dict.fromkeys(operations, Running())


def test_failed_poll_is_told_from_the_others() -> None:
    seen = ScriptedBackend().poll_all(["unknown-1", "busy-1", "prompt-1"], LONG_S)

    assert [type(seen[name]) for name in ("unknown-1", "busy-1", "prompt-1")] == [NotFound, Transient, Running]


def test_no_operation_needs_no_poll() -> None:
    assert ScriptedBackend().poll_all([], LONG_S) == {}


def test_look_at_sixty_clips_fits_the_step_when_polls_take_2500_ms_and_four_hang() -> None:
    longest_s = math.ceil(60 / (video.POLLS_AT_ONCE - 4)) * 2.5

    assert longest_s < filming.POLLS_S
    assert veo.POLL_TIMEOUT_S <= filming.POLLS_S
    assert filming.POLLS_S < poll_clips.LOOK_S < declared.config("services")["functions"]["poll_clips"]["timeout_s"]
