"""``localcloud up`` with every real stand-in, and functions that only tell what they were given.

The deployment is the repository's own: its services, queues, rights and triggers.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
import pytest
from google.cloud.scheduler_v1 import CloudSchedulerClient
from google.cloud.scheduler_v1.services.cloud_scheduler.transports import CloudSchedulerGrpcTransport

from localcloud.tests import loopback
from localcloud.tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[2]
ACCESS = json.loads((REPOSITORY / "infra" / "config" / "access.json").read_text())

FUNCTIONS = """
import os
import functions_framework

def teller(name):
    def tell(request):
        token = request.headers.get("Authorization", "")
        return {"name": name, "pid": os.getpid(), "signature": token.rpartition(".")[2], "env": dict(os.environ)}
    tell.__name__ = name
    return functions_framework.http(tell)

for each in os.environ["FUNCTION_NAMES"].split():
    globals()[each] = teller(each)
"""

CONTAINER = """
import flask
app = flask.Flask("stitcher")

@app.post("/")
def tell():
    return {"name": "stitcher"}
"""

WORKFLOW = """
main:
  params: [input]
  steps:
    - open:
        call: http.post
        args:
          url: ${sys.get_env("OPEN_JOB_URL")}
          auth: {type: OIDC}
          body: ${input}
        result: opened
    - close:
        return: ${opened.body.name}
"""


@dataclass(frozen=True, slots=True)
class Running:
    supervisor: subprocess.Popen[str]
    state_file: Path
    run_dir: Path

    @property
    def state(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.state_file.read_text())
        return document

    def config(self, name: str) -> dict[str, Any]:
        """What a stand-in of this stack was told about the others."""
        document: dict[str, Any] = json.loads((self.run_dir / "config" / f"{name}.json").read_text())
        return document

    def token(self, account: str, audience: str) -> str:
        """An ID token of a service account, from its own metadata listener, as its process would get it."""
        listeners = self.config("identities")["listeners"]
        port = next(port for port, email in listeners.items() if email.partition("@")[0] == account)
        url = f"http://127.0.0.1:{port}/computeMetadata/v1/instance/service-accounts/default/identity"
        answer = loopback.get(
            url, params={"audience": audience, "format": "full"}, headers={"Metadata-Flavor": "Google"}
        )
        return answer.raise_for_status().text

    def executions(self) -> list[dict[str, Any]]:
        state = self.state
        parent = f"projects/{state['env']['GOOGLE_CLOUD_PROJECT']}/locations/us-central1/workflows/film"
        found = loopback.get(f"{state['workflows_rest']}/v1/{parent}/executions", params={"view": "FULL"}).json()
        return list(found.get("executions", []))


def living(run_dir: Path) -> list[str]:
    """The command lines of all the stack's processes: each of them has this run's folder in its environment."""
    mark = str(run_dir / "gcloud")
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # it ended meanwhile, or is another user's
            if process.environ().get("CLOUDSDK_CONFIG") == mark:
                found.append(" ".join(process.cmdline()))
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with this one's configuration and next to no code."""
    folder = tmp_path_factory.mktemp("repository")
    shutil.copytree(REPOSITORY / "infra" / "config", folder / "infra" / "config")
    names = json.loads((folder / "infra" / "config" / "services.json").read_text())["functions"]
    preamble = f"import os\nos.environ['FUNCTION_NAMES'] = {' '.join(names)!r}\n"
    files = {
        "functions/main.py": preamble + FUNCTIONS,
        "stitcher_service/main.py": CONTAINER,
        "stitcher_service/__init__.py": "",
        "workflows/film.yaml": WORKFLOW,
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    return folder


Starter = Callable[[], AbstractContextManager[Running]]


@pytest.fixture(scope="module")
def started(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Starter:
    @contextmanager
    def start() -> Iterator[Running]:
        folder = tmp_path_factory.mktemp("run")
        options = ("--root", str(root), "--run-dir", str(folder), "--state-file", str(folder / "state.json"))
        with (folder / "output.txt").open("w") as output:
            argv = (sys.executable, "-m", "localcloud", "up", *options)
            supervisor = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, text=True)
        running = Running(supervisor, folder / "state.json", folder)
        try:
            eventually(lambda: running.state_file.exists() or supervisor.poll() is not None, "the stack did not start")
            assert supervisor.poll() is None, (folder / "output.txt").read_text()
            yield running
        finally:
            supervisor.terminate()
            supervisor.wait(PATIENCE_S)

    return start


@pytest.fixture(scope="module")
def stack(started: Starter) -> Iterator[Running]:
    with started() as running:
        yield running


def call(url: str, token: str) -> httpx.Response:
    return loopback.post(url, json={}, headers={"Authorization": f"Bearer {token}"})


def test_state_file_names_everything_of_a_running_stack(stack: Running) -> None:
    config = json.loads((REPOSITORY / "infra" / "config" / "services.json").read_text())
    own = {"firestore", "storage", "vertex", "workflows", "tasks", "eventarc", "scheduler", "metadata", "gate"}
    addresses = {"api", "workflows_rest", "workflows_grpc", "vertex", "tasks", "storage", "firestore", "stitcher"}
    addresses |= {"tasks_grpc", "eventarc", "scheduler", "scheduler_grpc", "replicate"}

    state = stack.state

    assert set(state) == addresses | {"metadata", "logs", "processes", "tokens", "env"}
    assert set(state["processes"]) == own | {
        "iamcredentials",
        "media",
        "replicate",
        "secretmanager",
        *config["functions"],
        *config["services"],
    }
    assert set(state["tokens"]) == {"owner", "stranger", "operator"}
    assert all(psutil.pid_exists(pid) for pid in state["processes"].values())


def test_api_gets_the_owners_token_without_its_signature(stack: Running) -> None:
    told = call(stack.state["api"], stack.state["tokens"]["owner"]).json()

    assert told["name"] == "api"
    assert told["signature"] == "SIGNATURE_REMOVED_BY_GOOGLE"


def test_api_answers_401_when_called_without_a_token(stack: Running) -> None:
    assert loopback.post(stack.state["api"]).status_code == 401


def test_step_is_refused_when_a_person_calls_it(stack: Running) -> None:
    submit_clip = call(stack.state["api"], stack.state["tokens"]["owner"]).json()["env"]["PROMPTREEL_SUBMIT_CLIP_URL"]

    assert call(submit_clip, stack.state["tokens"]["owner"]).status_code == 401


@pytest.mark.parametrize("service", sorted(ACCESS["invokers"]))
def test_service_is_called_only_by_its_invokers_with_a_token_for_it(stack: Running, service: str) -> None:
    url = next(each["audience"] for each in stack.config("gate")["services"] if each["name"] == service)
    accounts = ACCESS["accounts"]
    invokers = [accounts[name] for name in ACCESS["invokers"][service] if name != "people"]
    right, wrong = invokers or [""], sorted(set(accounts.values()) - set(invokers))
    good = stack.token(right[0], url) if right[0] else stack.state["tokens"]["owner"]
    elsewhere = stack.token(right[0] or wrong[0], "https://elsewhere.example")
    head, _, signature = good.rpartition(".")

    assert loopback.post(url, json={}).status_code == 401
    assert call(url, elsewhere).status_code == 401
    assert call(url, f"{head}.{signature[::-1]}").status_code == 401
    assert {account: call(url, stack.token(account, url)).status_code for account in wrong} == dict.fromkeys(wrong, 403)
    assert call(url, good).json()["name"] == service


def test_function_environment_names_this_stack_only(stack: Running) -> None:
    env = call(stack.state["api"], stack.state["tokens"]["owner"]).json()["env"]
    project = stack.state["env"]["GOOGLE_CLOUD_PROJECT"]

    assert env["PROMPTREEL_PROJECT"] == env["GOOGLE_CLOUD_PROJECT"] == project
    assert env["PROMPTREEL_VERTEX_URL"] == stack.state["vertex"]
    assert env["PROMPTREEL_REPLICATE_URL"] == stack.state["replicate"]
    assert (
        loopback.get(
            f"{env['PROMPTREEL_REPLICATE_URL']}/v1/predictions",
            headers={"Authorization": f"Bearer {env['PROMPTREEL_REPLICATE_TOKEN']}"},
        ).json()["results"]
        == []
    )
    assert env["FIRESTORE_EMULATOR_HOST"] == stack.state["firestore"]
    assert env["PROMPTREEL_TASKS_ACCOUNT"] == f"film-tasks@{project}.iam.gserviceaccount.com"
    assert env["PROMPTREEL_PACE"] == "0.05"
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in env


def test_scheduled_job_shows_the_production_schedule_and_runs_at_its_local_period(
    stack: Running,
) -> None:
    name = f"projects/{stack.state['env']['GOOGLE_CLOUD_PROJECT']}/locations/us-central1/jobs/sweep-jobs"
    with grpc.insecure_channel(stack.state["scheduler_grpc"]) as channel:
        client = CloudSchedulerClient(transport=CloudSchedulerGrpcTransport(channel=channel))
        eventually(lambda: "status" in client.get_job(name=name), "the job was not run")
        job = client.get_job(name=name)

    assert (job.schedule, job.status.code) == ("*/5 * * * *", 0)
    assert job.http_target.oidc_token.audience == job.http_target.uri
    assert timedelta() < job.schedule_time - job.last_attempt_time <= timedelta(seconds=5)


def test_workflow_runs_with_its_own_identity_when_a_prompt_is_uploaded(stack: Running) -> None:
    """Object store → Eventarc → Workflows → gate → function: the whole chain, one token after the other."""
    bucket = f"{stack.state['env']['GOOGLE_CLOUD_PROJECT']}-prompts"
    url = f"{stack.state['storage']}/upload/storage/v1/b/{bucket}/o"

    loopback.post(url, params={"uploadType": "media", "name": "idea.txt"}, content=b"A lighthouse.").raise_for_status()
    eventually(lambda: any(each["state"] != "ACTIVE" for each in stack.executions()), "no execution ended")
    execution = stack.executions()[0]

    assert (execution["state"], execution["result"]) == ("SUCCEEDED", '"open_job"')
    assert "idea.txt" in execution["argument"]


def test_queues_are_the_configured_ones_at_the_stacks_pace(stack: Running) -> None:
    project = stack.state["env"]["GOOGLE_CLOUD_PROJECT"]
    url = f"{stack.state['tasks']}/v2/projects/{project}/locations/us-central1/queues"

    queues = loopback.get(url).json()["queues"]
    rates = {queue["name"].rpartition("/")[2]: queue["rateLimits"]["maxDispatchesPerSecond"] for queue in queues}

    assert rates == pytest.approx({"clips": 30 / 60 / 0.05, "clips-high": 20 / 60 / 0.05, "webhooks": 600 / 60 / 0.05})


@pytest.mark.parametrize("name", ["api", "gate", "storage", "eventarc", "workflows", "metadata", "firestore"])
def test_killed_process_restarts_under_a_new_pid(stack: Running, name: str) -> None:
    before = stack.state["processes"][name]
    ended = len(stack.executions()) if name != "workflows" else 0

    os.kill(before, signal.SIGKILL)
    eventually(lambda: stack.state["processes"][name] != before, f"{name} was not started again")
    eventually(lambda: _enters(stack), "the API did not come back")
    eventually(lambda: _documents(stack), "Firestore did not come back")
    eventually(lambda: _uploads(stack), "the object store did not come back")
    eventually(lambda: len(_executions(stack)) > ended, "no upload starts the workflow any more")


def _enters(stack: Running) -> bool:
    try:
        return call(stack.state["api"], stack.state["tokens"]["owner"]).status_code == 200
    except httpx.TransportError:
        return False


def _documents(stack: Running) -> bool:
    try:
        return loopback.get(f"http://{stack.state['firestore']}/").is_success
    except httpx.TransportError:
        return False


def _uploads(stack: Running) -> bool:
    bucket = f"{stack.state['env']['GOOGLE_CLOUD_PROJECT']}-prompts"
    url = f"{stack.state['storage']}/upload/storage/v1/b/{bucket}/o"
    try:
        return loopback.post(url, params={"uploadType": "media", "name": "again.txt"}, content=b"Again.").is_success
    except httpx.TransportError:
        return False


def _executions(stack: Running) -> list[dict[str, Any]]:
    try:
        return stack.executions()
    except httpx.TransportError:
        return []


def test_stopped_stack_ends_in_order_and_leaves_nothing(started: Starter) -> None:
    with started() as running:
        while_running = living(running.run_dir)
        running.supervisor.send_signal(signal.SIGTERM)
        exit_code = running.supervisor.wait(PATIENCE_S)

        assert exit_code == 0
        assert len(while_running) > len(
            json.loads((REPOSITORY / "infra/config/services.json").read_text())["functions"]
        )
        assert living(running.run_dir) == []
        assert not running.state_file.exists()


def test_stack_ends_when_its_supervisor_is_killed(started: Starter) -> None:
    with started() as running:
        running.supervisor.kill()
        running.supervisor.wait()
        eventually(lambda: living(running.run_dir) == [], "processes were left behind")

        assert running.supervisor.returncode == -signal.SIGKILL


def test_stack_names_the_reason_and_leaves_nothing_when_the_workflow_cannot_be_deployed(
    root: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "repository"
    shutil.copytree(root, broken)
    (broken / "workflows" / "film.yaml").write_text("main: {steps: [{open: {cal: http.post}}]}")
    argv = (sys.executable, "-m", "localcloud", "up", "--root", str(broken), "--run-dir", str(tmp_path / "run"))

    ended = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert ended.returncode == 1
    assert "workflow film: 400" in ended.stderr
    assert "'cal'" in ended.stderr
    assert living(tmp_path / "run") == []


def test_terminal_reports_the_restart_when_the_command_kills_a_program(stack: Running) -> None:
    before = stack.state["processes"]["media"]

    done = localcloud("kill", "media", "--state-file", str(stack.state_file))
    eventually(lambda: stack.state["processes"]["media"] != before, "media was not started again")
    eventually(lambda: "ready  media again" in (stack.run_dir / "output.txt").read_text(), "nothing was told")

    assert done.returncode == 0, done.stderr
    assert "warning media was ended by SIGKILL; it is started again" in (stack.run_dir / "output.txt").read_text()


def test_logs_shows_every_line_under_its_programs_name(stack: Running) -> None:
    done = localcloud("logs", "firestore", "--state-file", str(stack.state_file))

    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert all(line.startswith("firestore        | ") for line in done.stdout.splitlines())


def localcloud(*words: str) -> subprocess.CompletedProcess[str]:
    argv = (sys.executable, "-m", "localcloud", *words)
    return subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
