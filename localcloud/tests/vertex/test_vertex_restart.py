"""A stand-in that is killed loses nothing, as Google's service would not."""

from collections.abc import Callable
from pathlib import Path

import pytest
from google.genai import errors, types

from localcloud.tests.loopback import free_port
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import (
    IMAGE_MODEL,
    TEXT_MODEL,
    FakeVertex,
    a_picture,
    finished,
    ordered,
    pictures_of,
)
from localcloud.tests.waiting import eventually

Stopped = Callable[[], FakeVertex]


@pytest.fixture
def stopped(object_store: ObjectStore, tmp_path: Path) -> Stopped:
    """A stand-in on a state folder of its own, not started yet; each further one continues where the last ended."""
    port = free_port()
    return lambda: FakeVertex(port, object_store.url, ("--state-dir", str(tmp_path / "state")))


def test_operation_goes_on_after_the_restart_when_the_process_is_killed(
    stopped: Stopped, object_store: ObjectStore
) -> None:
    with stopped().started() as vertex:
        vertex.control("POST", "profile", {"latency_s": {"veo-*": 2}})
        operation = ordered(vertex.client(), image=a_picture(), output_gcs_uri="gs://films/restart/")
        vertex.kill()
    with stopped().started() as vertex:
        done = finished(vertex.client(), operation)

    assert done.response is not None
    assert done.response.generated_videos
    assert len(object_store.listed("restart/")) == 1


def test_ledger_rules_and_profile_are_kept_when_the_process_is_killed(stopped: Stopped) -> None:
    with stopped().started() as vertex:
        vertex.control("POST", "profile", {"quota_per_min": {"gemini-*": 0}, "seed": 5})
        ordered(vertex.client())
        vertex.break_with("status", nth=[1, 2], method="countTokens")
        with pytest.raises(errors.ServerError):
            vertex.client().models.count_tokens(model=TEXT_MODEL, contents="Hello")
        ledger = vertex.ledger()
        vertex.kill()
    with stopped().started() as vertex:
        assert vertex.ledger() == ledger
        with pytest.raises(errors.ServerError):
            vertex.client().models.count_tokens(model=TEXT_MODEL, contents="Hello")
        assert vertex.client().models.count_tokens(model=TEXT_MODEL, contents="Hello").total_tokens == 2
        with pytest.raises(errors.ClientError, match="Quota exceeded"):
            vertex.client().models.generate_content(model=TEXT_MODEL, contents="Hello")


def test_nobody_waits_for_it_when_sigterm_comes_while_it_is_rendered(stopped: Stopped) -> None:
    with stopped().started() as vertex:
        ordered(vertex.client(), duration_seconds=8, resolution="4k")
        assert vertex.process is not None
        clips = [Path(option) for option in vertex.options if "state" in option][-1] / "clips"
        eventually(lambda: list(clips.glob("*.part")))
        vertex.process.terminate()
        eventually(lambda: vertex.process is not None and vertex.process.poll() is not None)
        assert vertex.process.returncode == 0
        finished_clips = list(clips.glob("*.mp4"))

    assert finished_clips == []


def test_answers_and_finished_clips_are_the_same_when_a_new_process_gives_them(stopped: Stopped) -> None:
    def answers(vertex: FakeVertex) -> list[object]:
        client = vertex.client()
        picture = client.models.generate_content(model=IMAGE_MODEL, contents="A boat at dawn")
        return [client.models.generate_content(model=TEXT_MODEL, contents="A fox wakes.").text, pictures_of(picture)]

    def videos(operation: types.GenerateVideosOperation) -> list[bytes | None]:
        assert operation.response is not None
        return [each.video.video_bytes for each in operation.response.generated_videos or [] if each.video]

    with stopped().started() as vertex:
        before = answers(vertex)
        clip = finished(vertex.client(), ordered(vertex.client(), seed=7))
        vertex.kill()
    with stopped().started() as vertex:
        assert answers(vertex) == before
        assert vertex.client().operations.get(clip) == clip
        assert videos(finished(vertex.client(), ordered(vertex.client(), seed=7))) == videos(clip)
