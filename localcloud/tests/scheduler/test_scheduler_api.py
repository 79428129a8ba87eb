"""Jobs through Google's own client, over REST and gRPC: what is kept, filled in, refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.api_core import exceptions
from google.cloud import scheduler_v1
from google.cloud.location import locations_pb2

Scheduler = scheduler_v1.CloudSchedulerClient
State = scheduler_v1.Job.State
MakeJob = Callable[..., scheduler_v1.Job]

LOCATION = "projects/local/locations/us-central1"


def test_job_has_googles_defaults_and_is_due_by_its_schedule_when_created(client: Scheduler, a_job: MakeJob) -> None:
    wanted = a_job(target={"body": b"{}"}, schedule="*/5 * * * *")
    made = client.create_job(parent=LOCATION, job=wanted)

    assert (made.name, made.schedule, made.time_zone, made.state) == (wanted.name, "*/5 * * * *", "UTC", State.ENABLED)
    assert made.attempt_deadline == timedelta(minutes=3)
    assert made.retry_config == scheduler_v1.RetryConfig(
        retry_count=0,
        max_retry_duration=timedelta(),
        min_backoff_duration=timedelta(seconds=5),
        max_backoff_duration=timedelta(hours=1),
        max_doublings=5,
    )
    assert made.http_target.http_method == scheduler_v1.HttpMethod.POST
    assert dict(made.http_target.headers) == {
        "Content-Type": "application/octet-stream",
        "User-Agent": "Google-Cloud-Scheduler",
    }
    assert (made.schedule_time.minute % 5, made.schedule_time.second) == (0, 0)
    assert datetime.now(UTC) - timedelta(minutes=1) < made.schedule_time <= datetime.now(UTC) + timedelta(minutes=5)
    assert made.user_update_time <= datetime.now(UTC)
    assert client.get_job(name=made.name) == made


def test_job_gets_a_name_when_created_without_one(client: Scheduler, a_job: MakeJob) -> None:
    made = client.create_job(parent=LOCATION, job=a_job(name=""))

    assert made.name.startswith(f"{LOCATION}/jobs/")
    assert client.get_job(name=made.name).name == made.name


def test_output_only_fields_are_ignored_when_sent(client: Scheduler, a_job: MakeJob) -> None:
    wish = a_job(state=State.DISABLED, schedule_time=datetime(2001, 1, 1, tzinfo=UTC), status={"code": 13})
    made = client.create_job(parent=LOCATION, job=wish)

    assert (made.state, made.status.code) == (State.ENABLED, 0)
    assert made.schedule_time > datetime.now(UTC)


def test_pages_hold_the_jobs_of_the_location_when_jobs_are_listed(client: Scheduler, a_job: MakeJob) -> None:
    place = f"projects/p-{uuid4().hex}/locations/us-central1"
    names = [f"{place}/jobs/{letter}" for letter in "abc"]
    for name in names:
        client.create_job(parent=place, job=a_job(name=name))
    pages = list(client.list_jobs(request={"parent": place, "page_size": 2}).pages)
    places = client.list_locations(locations_pb2.ListLocationsRequest(name=place.partition("/locations")[0]))

    assert [[job.name for job in page.jobs] for page in pages] == [names[:2], names[2:]]
    assert [found.name for found in places.locations] == [place]


def test_update_changes_only_the_masked_fields_when_a_mask_is_given(client: Scheduler, a_job: MakeJob) -> None:
    token = {"service_account_email": "s@local", "audience": "a"}
    job = client.create_job(parent=LOCATION, job=a_job(target={"oidc_token": token}, description="first"))
    wish = a_job(name=job.name, description="ignored", schedule="0 5 * * *", time_zone="Europe/Berlin")
    wish.http_target.uri, wish.retry_config.retry_count = "http://127.0.0.1:1/new", 2
    mask = {"paths": ["schedule", "time_zone", "http_target.uri", "retry_config.retry_count"]}
    made = client.update_job(request={"job": wish, "update_mask": mask})

    assert (made.description, made.schedule, made.time_zone) == ("first", "0 5 * * *", "Europe/Berlin")
    assert (made.http_target.uri, made.http_target.oidc_token.audience) == ("http://127.0.0.1:1/new", "a")
    assert (made.retry_config.retry_count, made.retry_config.max_doublings) == (2, 5)
    assert made.schedule_time.hour in {3, 4}  # 5 o'clock in Berlin, summer or winter


def test_job_is_replaced_but_neither_moved_nor_switched_on_when_updated_without_a_mask(
    client: Scheduler, a_job: MakeJob
) -> None:
    job = client.create_job(parent=LOCATION, job=a_job(description="first", retry_config={"retry_count": 3}))
    client.pause_job(name=job.name)
    made = client.update_job(request={"job": a_job(name=job.name, schedule="1 1 * * *")})

    assert (made.description, made.retry_config.retry_count, made.schedule) == ("", 0, "1 1 * * *")
    assert made.state == State.PAUSED


def test_other_state_is_a_precondition_when_job_is_paused_and_resumed(client: Scheduler, a_job: MakeJob) -> None:
    job = client.create_job(parent=LOCATION, job=a_job())
    with pytest.raises(exceptions.GoogleAPICallError) as running:
        client.resume_job(name=job.name)
    paused = client.pause_job(name=job.name)
    with pytest.raises(exceptions.GoogleAPICallError) as still:
        client.pause_job(name=job.name)
    resumed = client.resume_job(name=job.name)

    assert (paused.state, resumed.state) == (State.PAUSED, State.ENABLED)
    assert (running.value.code, still.value.code) == (400, 400)
    assert "PAUSED" in running.value.message
    assert "ENABLED" in still.value.message


def test_job_is_gone_and_its_name_is_free_when_deleted(client: Scheduler, a_job: MakeJob) -> None:
    job = a_job()
    client.create_job(parent=LOCATION, job=job)
    client.delete_job(name=job.name)
    calls: list[Callable[..., Any]] = [
        client.get_job, client.delete_job, client.pause_job, client.resume_job, client.run_job,
    ]  # fmt: skip

    for call in calls:
        with pytest.raises(exceptions.NotFound):
            call(name=job.name)
    with pytest.raises(exceptions.NotFound):
        client.update_job(request={"job": job})
    assert client.create_job(parent=LOCATION, job=job).name == job.name


def test_job_already_exists_when_its_name_is_created_again(client: Scheduler, a_job: MakeJob) -> None:
    job = a_job()
    client.create_job(parent=LOCATION, job=job)

    with pytest.raises(exceptions.Conflict, match=f"Job {job.name} already exists"):
        client.create_job(parent=LOCATION, job=job)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schedule": ""}, "Schedule or time zone is invalid."),
        ({"schedule": "every 24 hours"}, "Schedule or time zone is invalid."),
        ({"time_zone": "Europe/Atlantis"}, "Schedule or time zone is invalid."),
        ({"name": "sweep"}, "Job name must be formatted"),
        ({"name": "projects/local/locations/us-central1/jobs/a.b"}, "Job name must be formatted"),
        ({"name": "projects/other/locations/us-central1/jobs/a"}, "not in the parent"),
        ({"description": "x" * 501}, "description"),
        ({"target": {"uri": "ftp://127.0.0.1/"}}, "uri"),
        ({"target": {"uri": f"http://127.0.0.1/{'x' * 2083}"}}, "uri"),
        ({"target": {"body": b"x", "http_method": scheduler_v1.HttpMethod.GET}}, "body"),
        ({"target": {"oidc_token": {"audience": "a"}}}, "service_account_email"),
        ({"target": {"headers": {"X-Long": "x" * 81920}}}, "headers"),
        ({"target": {"body": b"x" * 1_000_000}}, "size"),
        ({"attempt_deadline": timedelta(seconds=14)}, "attempt_deadline"),
        ({"attempt_deadline": timedelta(minutes=31)}, "attempt_deadline"),
        ({"retry_config": {"retry_count": 6}}, "retry_count"),
        ({"retry_config": {"retry_count": -1}}, "retry_count"),
        ({"retry_config": {"max_doublings": -1}}, "max_doublings"),
        ({"retry_config": {"max_retry_duration": timedelta(seconds=-1)}}, "max_retry_duration"),
        ({"retry_config": {"min_backoff_duration": timedelta(hours=2)}}, "min_backoff"),
        ({"http_target": {}, "pubsub_target": {"topic_name": "projects/p/topics/t"}}, "pubsub_target"),
        ({"http_target": None}, "target"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_job_is_refused_with_the_reason_when_it_is_impossible(
    client: Scheduler, a_job: MakeJob, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(exceptions.BadRequest, match=complaint):
        client.create_job(parent=LOCATION, job=a_job(**change))


@pytest.mark.parametrize("path", ["state", "name", "http_target.colour", "schedule.minute"])
def test_mask_of_no_mutable_field_is_refused_and_nothing_changes_when_updated(
    client: Scheduler, a_job: MakeJob, path: str
) -> None:
    job = client.create_job(parent=LOCATION, job=a_job())
    with pytest.raises(exceptions.BadRequest, match="Invalid mask for Job"):
        client.update_job(request={"job": a_job(name=job.name), "update_mask": {"paths": [path]}})

    assert client.get_job(name=job.name) == job


def test_impossible_change_is_refused_and_nothing_changes_when_updated(client: Scheduler, a_job: MakeJob) -> None:
    job = client.create_job(parent=LOCATION, job=a_job())
    wish = {"job": a_job(name=job.name, schedule="61 * * * *"), "update_mask": {"paths": ["schedule"]}}
    with pytest.raises(exceptions.BadRequest, match="Schedule or time zone is invalid"):
        client.update_job(request=wish)

    assert client.get_job(name=job.name) == job
