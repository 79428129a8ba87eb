"""A job's life over HTTP, from its documents: stages, paid calls, refusals and remedies in order of time."""

from datetime import datetime, timedelta

from flask.testing import FlaskClient

from promptreel.domain.document import Problem
from promptreel.domain.identifiers import trace_id
from promptreel.domain.job import HISTORY
from promptreel.domain.scene import Attempt
from promptreel.domain.states import CallState, JobState
from promptreel.http.job_events import list_events
from promptreel.ports.storage import Create, Replace
from promptreel.usecases import job_lifecycle
from tests.factories import a_call, a_job, a_scene
from tests.fakes.services import FakeServices
from tests.fakes.system import START
from tests.loglines import writing
from tests.unit.http.api_requests import bearer, submit


def test_events_list_stages_calls_refusals_and_remedies_in_order_of_time(
    http: FlaskClient, world: FakeServices
) -> None:
    job = world.planned()
    sent, refused = START + timedelta(seconds=60), START + timedelta(seconds=90)
    one = Attempt(take=1, attempt=1, call="call-1", outcome="refused", at=refused, codes=("22137204",), remedy="reseed")
    read = world.jobs.list_scenes(job.id)[0]
    released = a_call(job=job.id, state=CallState.RELEASED, codes=("22137204",), sent_at=sent, updated=refused)
    world.jobs.write(Replace(job.id, read, read.value.evolve(tries=(one,))), Create(job.id, released))
    world.clock.pass_s(91)
    problem = Problem(code="broken", message="It broke.", remedy="Resume it.")
    job_lifecycle.fail(job.id, job.run, problem, world)

    listed = http.get(f"/v1/jobs/{job.id}/events", headers=bearer(job.owner)).get_json()["events"]

    assert [(event["event"], event.get("state")) for event in listed] == [
        ("state", "PENDING"),
        ("state", "STORYBOARD"),
        ("call_sent", None),
        ("call_settled", None),
        ("state", "KEYFRAMES"),
        ("call_sent", None),
        ("call_settled", None),
        ("call_sent", None),
        ("call_released", None),
        ("try", None),
        ("state", "FAILED"),
    ]
    moments = [datetime.fromisoformat(event["at"]) for event in listed]
    assert moments == sorted(moments)
    ended, tried, failed = listed[-3:]
    assert (ended["cost_micros"], ended["latency_s"], ended["codes"]) == (0, 30, ["22137204"])
    assert (tried["outcome"], tried["remedy"]) == ("refused", "reseed")
    assert failed["error"]["remedy"] == "Resume it."
    paid = [event for event in listed if event["event"] == "call_settled"]
    assert [event["kind"] for event in paid] == ["text", "text"]
    assert paid[0]["cost_micros"] > 0


def test_events_are_not_found_when_the_job_is_anothers(http: FlaskClient, world: FakeServices) -> None:
    world.jobs.write(Create("job-1", a_job()), Create("job-1", a_scene()))

    assert http.get("/v1/jobs/job-1/events", headers=bearer("other@example.com")).status_code == 404


def test_submission_is_logged_with_the_requests_trace_and_the_jobs(http: FlaskClient) -> None:
    with writing() as lines:
        job_id = submit(http, **{"X-Cloud-Trace-Context": "105445aa7843bc8bf206b12000100000/1;o=1"}).get_json()["id"]

    (line,) = lines.of("job_submitted")
    assert line["request_trace"] == "105445aa7843bc8bf206b12000100000"
    assert line["logging.googleapis.com/trace"] == f"projects/p/traces/{trace_id(job_id)}"
    assert "lighthouse" not in str(line)


def test_history_records_the_new_run_when_a_job_is_resumed(world: FakeServices) -> None:
    world.jobs.write(Create("job-1", a_job(state=JobState.FAILED)))

    resumed = job_lifecycle.resume("job-1", None, world)

    assert [(entered.state, entered.run) for entered in resumed.history] == [(JobState.PENDING, 2)]


def test_oldest_stages_are_dropped_when_the_history_is_full() -> None:
    job = a_job(state=JobState.KEYFRAMES)

    for _ in range(HISTORY):
        job = job.to(JobState.VIDEO_GEN, START).to(JobState.KEYFRAMES, START)

    assert len(job.history) == HISTORY
    assert job.history[-1].state is JobState.KEYFRAMES


def test_event_names_the_job_that_a_call_was_copied_from() -> None:
    reused = a_call(state=CallState.SETTLED, source={"job": "job-0", "call": "call-0"}, updated=START)

    (_, event) = list_events(a_job(), [], [reused])

    assert (event["event"], event["source"]["job"], event["call"]) == ("call_reused", "job-0", reused.id)
