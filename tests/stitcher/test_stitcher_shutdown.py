"""SIGTERM in the middle of a render: its caller gets a transient problem, and nothing of it is left.

The web server is started as the container starts it, over the emulators, so that the lease can be read after it ended.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from localcloud.tests import loopback
from localcloud.tests.waiting import PATIENCE_S, eventually
from promptreel.adapters.firestore import FirestoreJobs
from promptreel.domain.call import Lease
from promptreel.domain.job import Job
from promptreel.domain.render import Render
from promptreel.ports.storage import Create
from stitcher_service.jobs import film_edit
from tests.contract.ports import emulators
from tests.fakes.services import FakeServices
from tests.processes import is_alive
from tests.stitcher.jobs import FPS, a_drawn_job, change_scene, scenes

ROOT = Path(__file__).parents[2]
PROJECT, BUCKET, SCENE = "local-shutdown", "artifacts", "scene-01"
LONG_S = 120  # a still as long takes many seconds to render; no test waits for it


@dataclass(frozen=True, slots=True)
class Site:
    """Where the service's documents and files are, as its environment says it."""

    environment: dict[str, str]
    jobs: FirestoreJobs
    storage_url: str

    def render(self, job: Job) -> Render | None:
        """The render of the long scene's still."""
        shown = film_edit.edit_still(job, [read.value for read in self.jobs.list_scenes(job.id)], SCENE)
        read = self.jobs.get_render(shown.digest("still"))
        return read.value if read else None

    def lease(self, job: Job) -> Lease | None:
        render = self.render(job)
        return render.lease if render else None


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folders = tmp_path / "firestore", tmp_path / "storage"
    for folder in folders:
        folder.mkdir()
    with emulators.firestore(folders[0]) as host, emulators.storage(folders[1]) as storage_url:
        loopback.post(f"{storage_url}/storage/v1/b", json={"name": BUCKET}).raise_for_status()
        environment = {
            **{
                f"PROMPTREEL_{name}": "x"
                for name in ("REGION", "WORKFLOW", "SUBMIT_CLIP_URL", "DELIVER_WEBHOOK_URL", "TASKS_ACCOUNT")
            },
            **{f"PROMPTREEL_{name}_BUCKET": BUCKET for name in ("ARTIFACTS", "PROMPTS", "RESULTS", "UPLOADS")},
            "PROMPTREEL_PROJECT": PROJECT,
            "PROMPTREEL_DATABASE": "(default)",
            "FIRESTORE_EMULATOR_HOST": host,
            "STORAGE_EMULATOR_HOST": storage_url,
        }
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host)
        yield Site(environment, FirestoreJobs(PROJECT, "(default)"), storage_url)


@pytest.fixture
def job(site: Site, world: FakeServices) -> Job:
    """A drawn job of the fakes, laid into the emulators, whose first scene is a long one."""
    job = a_drawn_job(world)
    change_scene(world, job, SCENE, frames=LONG_S * FPS)
    site.jobs.write(Create(job.id, job), *(Create(job.id, scene) for scene in scenes(world, job)))
    for stored in world.artifacts.list(f"jobs/{job.id}/"):
        name = stored.uri.removeprefix(f"gs://{BUCKET}/")
        upload = f"{site.storage_url}/upload/storage/v1/b/{BUCKET}/o"
        query = {"uploadType": "media", "name": name}
        loopback.post(upload, params=query, content=world.artifacts.get(stored.uri)).raise_for_status()
    return job


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    folder = tmp_path / "temp"
    folder.mkdir()
    return folder


def container_command() -> list[str]:
    """What the Dockerfile runs, on a port of the server's own choice."""
    dockerfile = (ROOT / "stitcher_service" / "Dockerfile").read_text()
    (line,) = (line for line in dockerfile.splitlines() if "gunicorn" in line and line.startswith("CMD"))
    (threads,) = re.findall(r"\bTHREADS=(\d+)", dockerfile)
    line = line.replace("${THREADS}", threads)
    words = json.loads(line.removeprefix("CMD"))[-1].removeprefix("exec gunicorn ").split()
    return [sys.executable, "-m", "gunicorn", *("127.0.0.1:0" if word == ":${PORT}" else word for word in words)]


@pytest.fixture
def server(site: Site, temp: Path, tmp_path: Path) -> Iterator[psutil.Popen]:
    with (tmp_path / "log").open("wb") as log:
        process = psutil.Popen(
            container_command(),
            cwd=ROOT,
            env={**os.environ, **site.environment, "TMPDIR": str(temp), "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        left = process.children(recursive=True) if process.is_running() else []
        for one in (process, *left):  # the server first, or it would replace its worker
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()


def address(server: psutil.Popen) -> str:
    """Where the server listens, once it answers."""
    found: list[str] = []

    def answers() -> bool:
        assert server.poll() is None, "the server ended"
        found[:] = [
            f"http://127.0.0.1:{one.laddr.port}"
            for one in server.net_connections("tcp")
            if one.status == psutil.CONN_LISTEN
        ]
        return bool(found) and loopback.get(f"{found[0]}/healthz").is_success

    eventually(answers, "the server answers")
    return found[0]


def ffmpegs(server: psutil.Popen) -> list[psutil.Process]:
    found = []
    for child in server.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [child] if child.name().startswith("ffmpeg") else []
    return found


def test_stopped_instance_cancels_its_render_leaves_nothing_and_answers_transient(
    server: psutil.Popen, site: Site, job: Job, temp: Path, tmp_path: Path
) -> None:
    url = f"{address(server)}/still"
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(loopback.post, url, json={"job_id": job.id, "scene": SCENE})

        def is_rendering() -> bool:
            assert not asking.done(), asking.result().text
            return bool(ffmpegs(server)) and any(temp.glob("*/*.mp4"))

        eventually(is_rendering, "ffmpeg writes the still")
        (ffmpeg,) = ffmpegs(server)
        assert site.lease(job) is not None

        server.send_signal(signal.SIGTERM)
        answer = asking.result(PATIENCE_S)

    assert (answer.status_code, answer.json()["code"]) == (503, "shutting_down")
    assert server.wait(PATIENCE_S) == 0
    assert "Worker exiting" in (tmp_path / "log").read_text()  # by itself, not by SIGKILL when patience ran out
    assert not is_alive(ffmpeg)
    assert list(temp.iterdir()) == []
    assert site.render(job) is not None
    assert site.lease(job) is None
