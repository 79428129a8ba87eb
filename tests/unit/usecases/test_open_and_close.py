"""How jobs begin and end."""

import json
import re

import pytest

from promptreel.domain.states import JobState
from promptreel.errors import Broken, Invalid
from promptreel.ports.storage import Replace
from promptreel.usecases.fail_job import FailJob, problem_of
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from tests.factories import an_output
from tests.fakes.services import FakeServices

PROMPT = {"prompt": "A lighthouse keeper waits"}


def test_execution_with_a_request_creates_its_job(world: FakeServices) -> None:
    opened = world.open_job(OpenJob("e-1", {**PROMPT, "owner": "mira@example.com"}))

    job = world.jobs.get_job(opened.job_id).value
    assert (opened.state, opened.run) == ("open", 1)
    assert (job.owner, job.state) == ("mira@example.com", JobState.PENDING)
    assert job.execution == "workflows/film/executions/e-1"


def test_open_job_returns_the_same_result_when_repeated_by_its_execution(world: FakeServices) -> None:
    first = world.open_job(OpenJob("e-1", PROMPT))

    assert world.open_job(OpenJob("e-1", PROMPT)) == first


def test_second_execution_of_a_run_is_superseded(world: FakeServices) -> None:
    opened = world.open_job(OpenJob("e-1", PROMPT))

    second = world.open_job(OpenJob("e-2", {"job_id": opened.job_id, "run": 1}))

    assert second.state == "superseded"
    assert world.jobs.get_job(opened.job_id).value.execution == "workflows/film/executions/e-1"


def test_stale_run_is_superseded(world: FakeServices) -> None:
    opened = world.open_job(OpenJob("e-1", PROMPT))

    assert world.open_job(OpenJob("e-2", {"job_id": opened.job_id, "run": 0})).state == "superseded"


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (None, "must be a JSON object"),
        ({}, "prompt: Field required"),
        ({"prompt": "  "}, "prompt: is empty, or holds nothing that can be seen"),
        ({"prompt": "12345 67"}, "prompt: must contain words"),
        ({**PROMPT, "promt": "x"}, "promt: there is no such field; did you mean `prompt`?"),
        ({**PROMPT, "scenes": 61}, "scenes: Input should be less than or equal to 60"),
        ({**PROMPT, "style": "wes-andersen"}, "style: there is no style 'wes-andersen'; the nearest: symmetrical"),
        ({**PROMPT, "notify_url": "https://example.com"}, "notify_url: not supported yet"),
        ({**PROMPT, "owner": ""}, "owner: must be an e-mail address"),
        ({"job_id": "../../etc", "run": 1}, "job_id: an existing job is opened with"),
    ],
)
def test_invalid_input_is_refused_by_field_and_creates_no_job(world: FakeServices, payload: object, text: str) -> None:
    with pytest.raises(Invalid, match=re.escape(text)):
        world.open_job(OpenJob("e-1", payload))

    assert list(world.jobs.list_jobs_in_states(set(JobState))) == []


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("idea.txt", b"A fox made of paper"),
        ("idea.md", b"# A fox\nmade of paper"),
        ("in/a/folder/idea.json", json.dumps({"prompt": "A fox", "scenes": 2}).encode()),
        ("idea.yaml", b"prompt: A fox made of paper\nscenes: 2\n"),
    ],
)
def test_uploaded_prompt_creates_a_job_that_the_report_names(world: FakeServices, name: str, data: bytes) -> None:
    event = {"data": world.inbox.lay_in(name, data, {"owner": "mira@example.com"}), "type": "finalized"}

    opened = world.open_job(OpenJob("e-1", event))

    assert world.jobs.get_job(opened.job_id).value.owner == "mira@example.com"
    assert world.inbox.reports[name]["job_id"] == opened.job_id


def test_one_job_is_created_when_an_upload_event_is_delivered_twice(world: FakeServices) -> None:
    event = {"data": world.inbox.lay_in("idea.txt", b"A fox made of paper")}
    first = world.open_job(OpenJob("e-1", event))

    second = world.open_job(OpenJob("e-2", event))

    assert (second.job_id, second.state) == (first.job_id, "superseded")


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("idea.pdf", b"%PDF", "prompts end in .txt, .md, .json or .yaml, not '.pdf'"),
        ("idea.docx", b"PK\x03\x04\xff", "prompts end in .txt, .md, .json or .yaml, not '.docx'"),
        ("idea", b"\xff", "prompts end in .txt, .md, .json or .yaml, not 'nothing'"),
        ("idea.txt", b"%PDF-1.7 all of it ASCII", "idea.txt: is a PDF, not plain text"),
        ("idea.md", b"PK\x03\x04\x14\x00", "is a ZIP archive, not plain text"),
        ("idea.json", b"\x89PNG\r\n", "is a PNG picture, not plain text"),
        ("idea.txt", b"", "idea.txt: the file is empty"),
        ("idea.json", b"\xef\xbb\xbf", "idea.json: the file is empty"),
        ("idea.yaml", b" \n\n", "idea.yaml: the file is empty"),
        ("idea.json", b"{", "cannot be read"),
        ("idea.yaml", b"a: [", "cannot be read"),
        ("idea.txt", b"A f\xf6x", "not UTF-8 text (byte 3)"),
        ("idea.json", b'{"prompt": "A fox", "scene": 2}', "scene: there is no such field; did you mean `scenes`?"),
    ],
)
def test_invalid_upload_gets_a_report_and_creates_no_job(
    world: FakeServices, name: str, data: bytes, text: str
) -> None:
    with pytest.raises(Invalid, match=re.escape(text)):
        world.open_job(OpenJob("e-1", {"data": world.inbox.lay_in(name, data)}))

    assert world.inbox.reports[name]["state"] == "rejected"
    assert text in str(world.inbox.reports[name]["message"])
    assert list(world.jobs.list_jobs_in_states(set(JobState))) == []


def stitched(world: FakeServices) -> str:
    """A job whose film was cut."""
    job = world.drawn()
    world.submit_queued()
    for number in (1, 2, 3):
        world.video.deliver(f"operations/{number}")
    world.clock.pass_s(60)
    world.poll(job)
    read = world.jobs.get_job(job.id)
    world.jobs.write(Replace(job.id, read, read.value.evolve(output=an_output())))
    return job.id


def test_close_job_completes_the_job_with_its_spending_once(world: FakeServices) -> None:
    job_id = stitched(world)

    first = world.close_job(JobRun(job_id, 1))

    assert (first.state, first.film_uri) == ("complete", "gs://artifacts/film.mp4")
    assert first.spent_usd.startswith("7.")
    assert world.close_job(JobRun(job_id, 1)) == first
    assert world.jobs.get_job(job_id).value.state is JobState.COMPLETE


def test_close_job_is_broken_when_the_job_has_no_film(world: FakeServices) -> None:
    job = world.drawn()

    with pytest.raises(Broken):
        world.close(job)


def test_job_names_error_and_remedy_when_a_step_fails(world: FakeServices) -> None:
    job = world.planned()
    problem = {"code": "keyframe_refused", "message": "scene-02: …", "remedy": "Change it.", "step": "draw_keyframe"}

    assert world.fail_job(FailJob(job.id, 1, {**problem, "scene": "scene-02", "status": 400})).state == "failed"

    failed = world.jobs.get_job(job.id).value
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert failed.error.model_dump() == {**problem, "scene": "scene-02"}


def test_fail_job_changes_nothing_when_the_run_is_stale_or_the_job_ended(world: FakeServices) -> None:
    job_id = stitched(world)

    assert world.fail_job(FailJob(job_id, 0, "late")).state == "superseded"
    world.close(world.jobs.get_job(job_id).value)
    assert world.fail_job(FailJob(job_id, 1, "late")).state == "complete"
    assert world.jobs.get_job(job_id).value.error is None


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("text", "text"),
        ({"tags": ["TimeoutError"], "message": "too slow"}, "too slow"),
        ({"tags": ["HttpError"], "code": 500, "body": {"code": "broken", "message": "a bug"}}, "a bug"),
        ({"branches": [{"error": {"payload": '{"code": "x", "message": "inside"}'}}], "message": "outside"}, "inside"),
    ],
)
def test_anything_that_a_workflow_catches_becomes_a_problem(error: object, message: str) -> None:
    assert problem_of(error).message == message
