"""Runs of jobs: on a clock that the test moves, and as a real process."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from localcloud.identity import Identity
from localcloud.scheduler.clockwork import Clockwork
from localcloud.scheduler.jobs import Job
from tests.contract.tasks.harness import Metadata, StandIn, Worker, eventually, free_port, listening, stand_in

NEVER_S = 3600


@pytest.fixture
def worker() -> Iterator[Worker]:
    with listening(Worker()) as server:
        yield server


@contextmanager
def scheduling(tmp_path: Path, *jobs: dict[str, Any], environ: dict[str, str] | None = None) -> Iterator[StandIn]:
    file = tmp_path / "jobs.json"
    file.write_text(json.dumps({"jobs": list(jobs)}))
    with stand_in("scheduler", "--config", str(file), environ=environ) as process:
        yield process


def test_job_when_run_now_then_its_target_gets_the_services_request(tmp_path: Path, worker: Worker) -> None:
    job = {"name": "sweep", "url": f"{worker.url}/sweep", "every_s": NEVER_S, "audience": "a", "account": "s@local"}
    with (
        listening(Metadata()) as metadata,
        scheduling(tmp_path, job, environ={"GCE_METADATA_HOST": metadata.url.removeprefix("http://")}) as process,
    ):
        answer = process.control("POST", "run/sweep")
    got = worker.received[0]

    assert answer.json()["last_status"] == 200
    assert (got.method, got.path, json.loads(got.body)) == ("POST", "/sweep", {})
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"] == "Google-Cloud-Scheduler"
    assert got.headers["x-cloudscheduler"] == "true"
    assert got.headers["x-cloudscheduler-jobname"] == "sweep"
    assert got.headers["x-cloudscheduler-scheduletime"].endswith("Z")
    assert got.headers["authorization"] == "Bearer id-token:s@local:a"


def test_job_when_time_passes_then_it_runs_again_and_again_whatever_the_target_answers(
    tmp_path: Path, worker: Worker
) -> None:
    worker.statuses = [500, 503]
    with scheduling(tmp_path, {"name": "sweep", "url": worker.url, "every_s": 0.05}):
        eventually(lambda: len(worker.received) >= 4)

    assert "authorization" not in worker.received[0].headers


def test_unreachable_target_when_run_then_the_other_job_goes_on(tmp_path: Path, worker: Worker) -> None:
    dead = {"name": "dead", "url": f"http://127.0.0.1:{free_port()}/", "every_s": 0.05}
    with scheduling(tmp_path, dead, {"name": "alive", "url": worker.url, "every_s": 0.05}) as process:
        eventually(lambda: process.control("GET", "jobs").json()["dead"]["runs"] >= 2)
        seen = len(worker.received)
        eventually(lambda: len(worker.received) > seen)

        assert process.control("GET", "jobs").json()["dead"]["last_status"] is None


def test_running_job_when_due_again_then_no_second_run_starts(tmp_path: Path, worker: Worker) -> None:
    worker.open.clear()
    with scheduling(tmp_path, {"name": "sweep", "url": worker.url, "every_s": 0.05}) as process:
        eventually(lambda: process.control("GET", "jobs").json()["sweep"]["overlaps"] >= 3)
        by_hand = process.control("POST", "run/sweep")
        received = len(worker.received)
        worker.open.set()
        eventually(lambda: len(worker.received) >= 2)

    assert received == 1
    assert by_hand.status_code == 409


def test_unknown_job_when_run_then_404(tmp_path: Path) -> None:
    with scheduling(tmp_path) as process:
        assert process.control("POST", "run/nothing").status_code == 404


def test_slow_clock_when_moved_then_runs_keep_to_the_timetable() -> None:
    slept_s: list[float] = []
    clock = [1000.0]

    async def sleep(wait_s: float) -> None:
        slept_s.append(wait_s)
        clock[0] += wait_s + 0.5  # a late wake-up must not shift the timetable
        if len(slept_s) == 4:
            raise asyncio.CancelledError
        await asyncio.sleep(0)

    async def play() -> Clockwork:
        job = Job("sweep", f"http://127.0.0.1:{free_port()}/", 10, "a", "")
        clockwork = Clockwork([job], Identity(None), now_s=lambda: clock[0], sleep=sleep)
        await asyncio.wait([asyncio.ensure_future(clockwork.run())])
        await clockwork.close()
        return clockwork

    clockwork = asyncio.run(play())

    assert slept_s == [10, 9.5, 9.5, 9.5]
    assert clockwork.records["sweep"].runs + clockwork.records["sweep"].overlaps == 3


def test_health_when_asked_then_ok(tmp_path: Path) -> None:
    with scheduling(tmp_path) as process:
        answer = httpx.get(f"{process.url}/_local/health", trust_env=False)

    assert answer.json() == {"status": "ok"}
