"""Files in the prompts bucket: where their fields come from, one job for each generation, and the report on it."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from promptreel.domain.active_jobs import Limits
from promptreel.domain.job import Job
from promptreel.domain.states import JobState
from promptreel.errors import Broken, Invalid, Rejected, TooLarge, TooMany, Transient
from promptreel.ports.storage import MAX_FILE_BYTES
from promptreel.usecases import job_lifecycle
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import NothingRequested, Opened, OpenJob
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.hooks import HookedWorld, Killed
from tests.fakes.services import FakeServices

MIRA = "mira@example.com"
FOX = b"A fox made of paper"


def deliver(world: FakeServices, event: dict[str, str], execution: str = "e-1") -> Opened | NothingRequested:
    """The event comes to the workflow, as Eventarc wraps it."""
    return world.open_job(OpenJob(execution, {"data": event, "type": "google.cloud.storage.object.v1.finalized"}))


def accepted(world: FakeServices, event: dict[str, str]) -> Job:
    opened = deliver(world, event)
    assert isinstance(opened, Opened)
    return world.jobs.get_job(opened.job_id).value


def upload(world: FakeServices, name: str = "idea.txt", data: bytes = FOX, metadata: Mapping[str, str] = {}) -> Job:
    return accepted(world, world.inbox.lay_in(name, data, metadata))


def refusal(world: FakeServices, name: str, data: bytes = FOX, metadata: Mapping[str, str] = {}) -> dict[str, Any]:
    """The report on a file that is refused."""
    with pytest.raises(Rejected):
        deliver(world, world.inbox.lay_in(name, data, metadata))
    assert list(world.jobs.list_jobs(None, None, None)) == []
    report: dict[str, Any] = world.inbox.reports[name]
    return report


def test_fields_in_metadata_overrule_the_file_and_the_file_its_folders_preset(world: FakeServices) -> None:
    preset = b"scenes: 4\nquality: draft\naspect: 9:16\nmodels: {text: gemini-3.8-flash, image: gemini-3-pro-image}\n"
    world.inbox.lay_in("presets/ads.yaml", preset)
    data = b"---\nscenes: 3\nquality: best\nmodels: {image: gemini-3.1-flash-image}\n---\nA fox made of paper"

    job = upload(world, "ads/spring/idea.md", data, {"scenes": "2", "owner": MIRA})

    request = job.request
    assert (request.scenes, request.quality, request.aspect) == (2, "best", "9:16")
    assert (request.models.text, request.models.image) == ("gemini-3.8-flash", "gemini-3.1-flash-image")
    assert job.owner == MIRA
    assert "aspect, models: set by presets/ads.yaml." in job.warnings


def test_preset_is_for_files_below_its_folder_alone(world: FakeServices) -> None:
    world.inbox.lay_in("presets/ads.yaml", b"scenes: 2\n")

    assert upload(world, "ads.txt").request.scenes is None
    assert upload(world, "other/ads/idea.txt").request.scenes is None
    assert upload(world, "/ads/idea.txt").request.scenes is None


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        (b"prompt: A wolf\n", "prompt: presets/ads.yaml may not set it."),
        (b"owner: eve@example.com\n", "owner: presets/ads.yaml may not set it."),
        (b"- scenes\n", "presets/ads.yaml: must hold an object."),
        (b"scenes: [\n", "presets/ads.yaml: cannot be read"),
        (b"x" * (MAX_FILE_BYTES + 1), f"presets/ads.yaml: holds more than {MAX_FILE_BYTES:,} bytes."),
    ],
)
def test_report_names_the_preset_when_it_cannot_be_used(world: FakeServices, preset: bytes, message: str) -> None:
    world.inbox.lay_in("presets/ads.yaml", preset)

    assert str(refusal(world, "ads/idea.txt")["message"]).startswith(message)


def test_report_names_the_preset_that_set_a_field_when_the_request_is_refused(world: FakeServices) -> None:
    world.inbox.lay_in("presets/ads.yaml", b"sceens: 2\n")

    report = refusal(world, "ads/idea.txt")

    assert report["message"] == "sceens: there is no such field; did you mean `scenes`?"
    assert report["remedy"] == "Correct the fields named. sceens: set by presets/ads.yaml."


def test_metadata_may_hold_every_kind_of_value(world: FakeServices) -> None:
    transition = json.dumps({"kind": "crossfade", "duration_s": 0.5})
    fields = {"scenes": "2", "clip_audio": "false", "budget_usd": "7.5", "title": "[untitled", "transition": transition}

    request = upload(world, metadata={**fields, "models.video": "veo-3.1-generate-001"}).request

    assert (request.scenes, request.clip_audio, request.limit_micros, request.title) == (
        2,
        False,
        7_500_000,
        "[untitled",
    )
    assert (request.transition.kind, request.models.video) == ("crossfade", "veo-3.1-generate-001")


def test_metadata_of_other_programs_is_not_used_and_named(world: FakeServices) -> None:
    job = upload(world, metadata={"goog-reserved-file-mtime": "1796000000", "mtime": "1796000000"})

    expected = [f"metadata: {key}: no field of a request; not used." for key in ("goog-reserved-file-mtime", "mtime")]
    assert [one for one in job.warnings if one.startswith("metadata")] == expected


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"sceens": "2"}, "metadata: sceens: there is no such field; did you mean `scenes`?"),
        ({"Owner": MIRA}, "metadata: Owner: there is no such field; did you mean `owner`?"),
        ({"prompt": "A wolf"}, "metadata: prompt: it is what the file holds."),
        ({"scenes": "many"}, "scenes: Input should be a valid integer"),
        ({"models.vidoe": "veo"}, "models.vidoe: there is no such field; did you mean `video`?"),
        ({"title": "A\0"}, "title: character 2 is U+0000"),
        ({"scenes.x": "2"}, "scenes: Input should be a valid integer"),
    ],
)
def test_report_names_the_metadata_that_cannot_be_used(
    world: FakeServices, metadata: dict[str, str], message: str
) -> None:
    assert str(refusal(world, "idea.txt", metadata=metadata)["message"]).startswith(message)


@pytest.mark.parametrize("name", ["presets/ads.yaml", "presets/deep/ads.txt", "styles/ink.md", "ideas/", "/"])
def test_settings_and_folders_start_no_job_and_get_no_report(world: FakeServices, name: str) -> None:
    assert deliver(world, world.inbox.lay_in(name, b"scenes: 2\n")) == NothingRequested()
    assert world.inbox.reports == {}


def test_overwritten_file_is_a_new_job_and_the_report_is_about_it(world: FakeServices) -> None:
    first = upload(world)

    second = accepted(world, world.inbox.lay_in("idea.txt", b"A wolf made of paper", generation=2))

    assert second.id != first.id
    assert world.inbox.reports["idea.txt"]["job_id"] == second.id
    world.fail_job(FailJob(first.id, 1, "trouble"))
    assert world.inbox.reports["idea.txt"]["job_id"] == second.id, "the older file's job may end later"


def test_event_of_a_file_that_was_replaced_or_deleted_asks_for_nothing(world: FakeServices) -> None:
    event = world.inbox.lay_in("idea.txt", FOX)
    world.inbox.lay_in("idea.txt", FOX, generation=2)
    deleted = world.inbox.lay_in("other.txt", FOX)
    world.inbox.uploads.pop(("prompts", "other.txt", "1"))

    assert deliver(world, event) == deliver(world, deleted) == NothingRequested()
    assert world.inbox.reports == {}


@pytest.mark.parametrize("later", ["preset", "deleted", "metadata"])
def test_repeated_event_finds_its_job_whatever_has_changed_since(world: FakeServices, later: str) -> None:
    event = world.inbox.lay_in("ads/idea.txt", FOX)
    job = accepted(world, event)
    match later:
        case "preset":
            world.inbox.lay_in("presets/ads.yaml", b"scenes: 2\n")
        case "metadata":
            world.inbox.lay_in("ads/idea.txt", FOX, {"owner": "eve@example.com"})
        case _:
            world.inbox.uploads.clear()

    again = deliver(world, event, "e-2")

    assert again == Opened("superseded", job.id, 1)
    assert [one.id for one in world.jobs.list_jobs(None, None, None)] == [job.id]
    assert world.inbox.reports["ads/idea.txt"]["state"] == "accepted"


def test_repeated_event_does_not_take_the_report_back_when_the_job_has_ended(world: FakeServices) -> None:
    event = world.inbox.lay_in("idea.txt", FOX)
    job = accepted(world, event)
    world.fail_job(FailJob(job.id, 1, "trouble"))

    deliver(world, event, "e-2")

    assert world.inbox.reports["idea.txt"]["state"] == "failed"


def test_event_of_another_bucket_reads_nothing_and_writes_no_report(world: FakeServices) -> None:
    with pytest.raises(Invalid, match="bucket: films are requested by files in prompts"):
        deliver(world, {"bucket": "artifacts", "name": "jobs/job-1/treatment.json", "generation": "1"})

    assert world.inbox.reports == {}


@pytest.mark.parametrize("generation", ["", "x", "-1", "1.5", "\u0661"])
def test_event_without_a_generation_is_refused(world: FakeServices, generation: str) -> None:
    with pytest.raises(Invalid, match="generation: "):
        deliver(world, {"bucket": "prompts", "name": "idea.txt", "generation": generation})


def test_name_that_leaves_no_room_for_its_report_is_refused(world: FakeServices) -> None:
    with pytest.raises(Invalid, match=r"^name: "):
        deliver(world, world.inbox.lay_in("ü" * 499 + ".txt", FOX))


def test_file_over_the_limit_is_refused_by_its_size_or_by_what_it_is(world: FakeServices) -> None:
    with pytest.raises(TooLarge, match=f"holds more than {MAX_FILE_BYTES:,} bytes"):
        deliver(world, world.inbox.lay_in("idea.txt", b"x" * (MAX_FILE_BYTES + 1)))
    with pytest.raises(Invalid, match="is a PDF, not plain text"):
        deliver(world, world.inbox.lay_in("report.txt", b"%PDF-1.7\n" + b"\xff" * MAX_FILE_BYTES))

    assert {world.inbox.reports[name]["state"] for name in ("idea.txt", "report.txt")} == {"rejected"}


def test_report_says_that_a_file_waits_when_its_owner_has_too_many_jobs(world: FakeServices) -> None:
    object.__setattr__(world, "limits", Limits(1, 600))
    first = upload(world, "first.txt")
    event = world.inbox.lay_in("second.txt", FOX)

    with pytest.raises(TooMany):
        deliver(world, event, "e-2")
    report = dict(world.inbox.reports["second.txt"])
    job_lifecycle.cancel(first.id, world)

    assert (report["state"], report["code"]) == ("delayed", "too_many_jobs")
    assert report["remedy"].endswith("The file waits for a place for some hours; after that, upload it again.")
    assert isinstance(deliver(world, event, "e-2"), Opened), "the workflow repeats the step"
    assert world.inbox.reports["second.txt"]["state"] == "accepted"


def test_report_names_the_film_and_its_price_when_the_job_is_complete(world: FakeServices) -> None:
    job = upload(world, data=b"A film of three scenes. A fox made of paper", metadata={"checks": "false"})
    world.write_storyboard(JobRun(job.id, 1))
    world.draw_all(world.jobs.get_job(job.id).value)
    world.film_queued(job)
    world.give_film(job)

    closed = world.close_job(JobRun(job.id, 1))

    report = world.inbox.reports["idea.txt"]
    assert (report["object"], report["generation"]) == ("gs://prompts/idea.txt", "1")
    assert (report["state"], report["job_id"]) == ("complete", job.id)
    assert (report["film_uri"], report["spent_usd"]) == (closed.film_uri, closed.spent_usd)


def test_report_says_what_failed_and_is_about_the_new_run_when_the_job_is_resumed(world: FakeServices) -> None:
    job = upload(world)
    world.fail_job(FailJob(job.id, 1, {"code": "keyframe_refused", "message": "scene-02: …", "remedy": "Change it."}))
    failed = dict(world.inbox.reports["idea.txt"])
    world.clock.pass_s(1)

    job_lifecycle.resume(job.id, None, world)

    assert (failed["state"], failed["code"], failed["remedy"]) == ("failed", "keyframe_refused", "Change it.")
    assert world.inbox.reports["idea.txt"]["state"] == "accepted"


def test_report_says_that_the_job_was_cancelled(world: FakeServices) -> None:
    job = upload(world)

    job_lifecycle.cancel(job.id, world)

    assert world.inbox.reports["idea.txt"]["state"] == "cancelled"


@pytest.mark.parametrize("fault", [Transient("down"), Killed()], ids=["storage is down", "worker dies"])
def test_sweeper_writes_the_report_when_the_worker_that_ended_the_job_could_not(fault: BaseException) -> None:
    world = HookedWorld()
    job = upload(world)

    def stop(_: str) -> None:
        raise fault

    world.at(0, stop, only=frozenset({"inbox.write_report"}))
    with suppress(Killed):
        world.fail_job(FailJob(job.id, 1, "trouble"))
    assert not world.is_waiting()
    assert world.jobs.get_job(job.id).value.state is JobState.FAILED
    assert world.inbox.reports["idea.txt"]["state"] == "accepted"

    world.sweep_jobs(SweepJobs())

    assert world.inbox.reports["idea.txt"]["state"] == "failed"


@pytest.mark.parametrize(
    ("error", "state", "code"),
    [
        (Transient("down"), "delayed", "transient"),
        (Broken("bug"), "failed", "broken"),
        (ValueError("bug"), "failed", "internal"),
    ],
)
def test_report_says_that_no_job_was_made_when_something_broke(error: Exception, state: str, code: str) -> None:
    world = HookedWorld()
    event = world.inbox.lay_in("idea.txt", FOX)

    def fail(_: str) -> None:
        raise error

    world.at(0, fail, only=frozenset({"jobs.write"}))
    with pytest.raises(type(error), match=re.escape(str(error))):
        deliver(world, event)
    report = dict(world.inbox.reports["idea.txt"])
    world.clock.pass_s(1)

    assert (report["state"], report["code"]) == (state, code)
    assert "pload the file again" in report["remedy"]
    assert isinstance(deliver(world, event, "e-2"), Opened)
    assert world.inbox.reports["idea.txt"]["state"] == "accepted"
