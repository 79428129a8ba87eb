"""Runs of jobs by a real process: what their target gets, the local period, a restart."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import scheduler_v1

from localcloud.tests.harness import StandIn, Worker, stand_in
from localcloud.tests.loopback import free_port
from localcloud.tests.waiting import eventually

LOCATION = "projects/local/locations/us-central1"

Scheduler = scheduler_v1.CloudSchedulerClient
MakeJob = Callable[..., scheduler_v1.Job]
Connect = Callable[[StandIn], Scheduler]


def periods(tmp_path: Path, **periods_s: Any) -> str:
    file = tmp_path / "periods.json"
    file.write_text(json.dumps(periods_s))
    return str(file)


def named(name: str) -> str:
    return f"{LOCATION}/jobs/{name}"


def test_target_gets_the_services_request_when_job_is_run_now(
    client: Scheduler, a_job: MakeJob, worker: Worker
) -> None:
    target = {
        "http_method": scheduler_v1.HttpMethod.PUT,
        "body": b'{"films": 7}',
        "headers": {"Content-Type": "application/json", "X-Film": "7", "X-CloudScheduler-JobName": "another"},
        "oidc_token": {"service_account_email": "s@local", "audience": "a"},
    }
    job = client.create_job(parent=LOCATION, job=a_job(target=target, time_zone="Asia/Tokyo"))
    client.run_job(name=job.name)
    got = eventually(lambda: worker.received)[0]
    eventually(lambda: client.get_job(name=job.name).last_attempt_time)

    assert (got.method, got.path, got.body) == ("PUT", "/sweep", b'{"films": 7}')
    assert (got.headers["content-type"], got.headers["x-film"]) == ("application/json", "7")
    assert got.headers["user-agent"] == "Google-Cloud-Scheduler"
    assert got.headers["x-cloudscheduler"] == "true"
    assert got.headers["x-cloudscheduler-jobname"] == job.name.rsplit("/", 1)[1]
    assert datetime.fromisoformat(got.headers["x-cloudscheduler-scheduletime"]) <= datetime.now(UTC)
    assert got.headers["x-cloudscheduler-scheduletime"].endswith("+09:00")
    assert got.headers["authorization"] == "Bearer id-token:s@local:a"
    assert client.get_job(name=job.name).schedule_time == job.schedule_time


def test_job_with_an_oauth_token_sends_it_when_run(client: Scheduler, a_job: MakeJob, worker: Worker) -> None:
    job = client.create_job(parent=LOCATION, job=a_job(target={"oauth_token": {"service_account_email": "s@local"}}))
    client.run_job(name=job.name)

    assert eventually(lambda: worker.received)[0].headers["authorization"] == "Bearer access-token:s@local"


def test_job_shows_the_code_of_its_target_when_the_target_fails(
    client: Scheduler, a_job: MakeJob, worker: Worker
) -> None:
    worker.statuses = [404]
    job = client.create_job(parent=LOCATION, job=a_job())
    client.run_job(name=job.name)

    assert eventually(lambda: client.get_job(name=job.name).status.code) == 5


def test_target_is_not_reached_when_it_is_on_another_machine(client: Scheduler, a_job: MakeJob) -> None:
    job = client.create_job(parent=LOCATION, job=a_job(target={"uri": "http://192.0.2.1/"}))
    client.run_job(name=job.name)

    assert eventually(lambda: client.get_job(name=job.name).status.code) == 14


def test_job_with_a_local_period_runs_again_and_again_whatever_the_target_answers_when_time_passes(
    tmp_path: Path, connect: Connect, a_job: MakeJob, worker: Worker
) -> None:
    worker.statuses = [500, 503]
    dead_target = {"uri": f"http://127.0.0.1:{free_port()}/"}
    with stand_in("scheduler", "--periods", periods(tmp_path, sweep=0.05, dead=0.05)) as process:
        client = connect(process)
        client.create_job(parent=LOCATION, job=a_job(name=named("dead"), target=dead_target))
        client.create_job(parent=LOCATION, job=a_job(name=named("sweep"), schedule="*/5 * * * *"))
        eventually(lambda: len(worker.received) >= 4)
        dead = client.get_job(name=named("dead"))
        sweep = client.get_job(name=named("sweep"))

    assert "authorization" not in worker.received[0].headers
    assert sweep.schedule == "*/5 * * * *"
    assert dead.status.code == 14


def test_job_is_known_to_the_next_one_when_the_stand_in_is_killed(
    tmp_path: Path, connect: Connect, a_job: MakeJob
) -> None:
    state = ("--state-dir", str(tmp_path))
    with stand_in("scheduler", *state) as process:
        made = connect(process).create_job(parent=LOCATION, job=a_job())
        process.kill()
    with stand_in("scheduler", *state) as process:
        assert connect(process).get_job(name=made.name) == made


def test_no_job_is_left_when_everything_is_reset(tmp_path: Path, connect: Connect, a_job: MakeJob) -> None:
    with stand_in("scheduler", "--state-dir", str(tmp_path)) as process:
        client = connect(process)
        made = client.create_job(parent=LOCATION, job=a_job())
        process.control("POST", "reset")

        with pytest.raises(exceptions.NotFound):
            client.get_job(name=made.name)
        with pytest.raises(exceptions.NotFound):
            client.run_job(name=made.name)


@pytest.mark.parametrize("content", ["[]", '{"sweep": 0}', '{"sweep": "soon"}', "{"])
def test_command_ends_when_its_periods_are_unusable(tmp_path: Path, content: str) -> None:
    file = tmp_path / "periods.json"
    file.write_text(content)

    with pytest.raises(AssertionError, match="ended before"), stand_in("scheduler", "--periods", str(file)):
        pass
