"""Drive a whole local stack from outside, through its public addresses."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from localcloud.tests import loopback
from localcloud.tests.waiting import PATIENCE_S, eventually

ROOT = Path(__file__).parents[2]
FOUR_SCENES = "Four scenes: a seed falls. Rain comes. A shoot breaks the soil. A tree stands in the sun."
ONE_SHORT_SCENE = {"scenes": 1, "duration_s": 4, "quality": "draft"}
VEO_FAST, OMNI = "veo-3.1-fast-generate-001", "gemini-omni-1.2-flash"
BY_VEO = {"models": {"video": VEO_FAST}}
"""For what only Veo can show: its faults, latencies and exact prices."""
FINAL = {"COMPLETE", "FAILED", "CANCELLED"}


class Stack:
    """A running local stack."""

    def __init__(self, process: subprocess.Popen[bytes], state_file: Path) -> None:
        self.process = process
        self._state_file = state_file

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._state_file.read_text())
        return state

    @property
    def project(self) -> str:
        return str(self.state["env"]["GOOGLE_CLOUD_PROJECT"])

    def api(self, method: str, path: str, *, person: str = "owner", **options: Any) -> httpx.Response:
        """Send a request to the API as a person; ``person=""`` sends no token."""
        state = self.state
        headers = dict(options.pop("headers", {}))
        if person:
            headers["Authorization"] = f"Bearer {state['tokens'][person]}"
        return loopback.request(method, f"{state['api']}{path}", headers=headers, **options)

    def submit(self, prompt: str, **fields: Any) -> str:
        """Submit a film.

        It is paid for in full, whatever other tests have filmed, unless ``cache`` says otherwise, and is not checked
        unless ``checks`` says so.
        """
        answer = self.api("POST", "/v1/jobs", json={"prompt": prompt, "cache": False, "checks": False, **fields})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.api("GET", f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def wait(self, job_id: str, *states: str, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait until the job is in one of these states, or final."""
        wanted = set(states) | FINAL

        def find() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["state"] in wanted else None

        # Seldom: each request makes the API read and sign everything of the job, on the processors that film it.
        return eventually(find, f"{job_id} in {sorted(wanted)}", within_s, first_pause_s=0.25)

    def wait_until_idle(self) -> None:
        """Wait until no job of any owner is running; one that waits for an approval calls nothing."""

        def is_idle() -> bool:
            page = self.api("GET", "/v1/jobs?owner=*", person="operator").raise_for_status().json()
            # newest first: a running one is on this page
            return all(job["state"] in FINAL | {"AWAITING_APPROVAL"} for job in page["jobs"])

        eventually(is_idle, "no running job")

    def ledger(self, job_id: str) -> dict[str, Any]:
        ledger: dict[str, Any] = self.api("GET", f"/v1/jobs/{job_id}/ledger").json()
        return ledger

    def bill(self, job_id: str = "") -> list[dict[str, Any]]:
        """What the fake Vertex AI billed, in order; with a job id only that job's clips."""
        bill: list[dict[str, Any]] = loopback.get(f"{self.state['vertex']}/_local/ledger").json()
        return [line for line in bill if not job_id or job_id in (line["storage_uri"] or "")]

    def vertex(self, method: str, what: str, order: Any = None) -> Any:
        """Configure latencies or faults of the fake Vertex AI, or read what it has kept."""
        return loopback.request(method, f"{self.state['vertex']}/_local/{what}", json=order).raise_for_status().json()

    def replicate_bill(self) -> list[dict[str, Any]]:
        """What the fake Replicate billed, in order."""
        bill: list[dict[str, Any]] = loopback.get(f"{self.state['replicate']}/_local/ledger").json()
        return bill

    def replicate(self, method: str, what: str, order: Any = None) -> None:
        """Configure latencies or faults of the fake Replicate."""
        loopback.request(method, f"{self.state['replicate']}/_local/{what}", json=order).raise_for_status()

    def gcloud(self, *words: str) -> Any:
        """Run gcloud with the environment that the stack prints, and return its JSON answer."""
        env = {**os.environ, **self.state["env"]}
        done = subprocess.run(
            ["gcloud", *words, "--location=us-central1", "--format=json"],
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def upload(self, name: str, data: bytes, content_type: str = "text/plain") -> None:
        """Put a file into the prompts bucket."""
        loopback.post(
            f"{self.state['storage']}/upload/storage/v1/b/{self.project}-prompts/o",
            params={"uploadType": "media", "name": name},
            content=data,
            headers={"Content-Type": content_type},
        ).raise_for_status()

    def report(self, name: str) -> dict[str, Any]:
        """Wait for the report on an uploaded file."""

        def find() -> dict[str, Any] | None:
            path = f"reports%2F{name.replace('/', '%2F')}.json"
            answer = loopback.get(
                f"{self.state['storage']}/storage/v1/b/{self.project}-results/o/{path}", params={"alt": "media"}
            )
            return dict(answer.json()) if answer.status_code == 200 else None

        return eventually(find, f"report on {name}")

    def processes(self) -> list[psutil.Process]:
        """Every process of the stack, the supervisor first."""
        supervisor = psutil.Process(self.process.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@contextmanager
def running(folder: Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Run a separate stack on free ports with an empty project, and stop it. ``env`` is added to the environment."""
    state_file = folder / "state.json"
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "localcloud", "up", "--state-file", str(state_file), *options],
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        stack = Stack(process, state_file)
        try:
            eventually(lambda: state_file.exists() or process.poll() is not None, "the stack")
            assert process.poll() is None, (folder / "up.log").read_text()[-3000:]
            yield stack
        finally:
            if process.poll() is None:
                stack.stop()
