"""``workflows run``: what a person at a terminal sees of one execution."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.tests.waiting import PATIENCE_S

Run = Callable[..., Any]


def words(file: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "localcloud", "workflows", "run", str(file), *options]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def once(source: str, *options: str) -> Any:
        file = tmp_path / "flow.yaml"
        file.write_text(source)
        return subprocess.run(words(file, *options), capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    return once


def test_log_goes_to_stderr_and_the_result_to_stdout_when_written_by_the_workflow(run: Run) -> None:
    done = run("[{say: {call: sys.log, args: {text: half way, severity: INFO}}}, {give: {return: 1}}]")

    assert (done.returncode, done.stdout) == (0, "1\n")
    assert json.loads(done.stderr)["data"] == "half way"


def test_answer_is_shown_too_when_a_failure_carries_one(run: Run, stand_in: Any) -> None:
    done = run(f"[{{ask: {{call: http.get, args: {{url: '{stand_in.rest}/nothing'}}}}}}]")
    context, *trace, payload = done.stderr.splitlines()

    assert (done.returncode, done.stdout) == (1, "")
    assert (context, trace) == (
        "HTTP server responded with error code 404",
        ['in step "ask", routine "main", line: 1'],
    )
    assert json.loads(payload)["body"]["error"]["status"] == "NOT_FOUND"


def test_environment_has_the_services_own_variables_when_read(run: Run) -> None:
    names = ["GOOGLE_CLOUD_PROJECT_ID", "GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_WORKFLOW_ID", "MINE"]
    calls = ", ".join(f"'${{sys.get_env(\"{name}\")}}'" for name in names)
    done = run(f"[{{give: {{return: [{calls}]}}}}]", "--env", "MINE=a=b")

    assert json.loads(done.stdout) == ["local", "us-central1", "flow", "a=b"]


def test_run_ends_at_once_without_a_traceback_when_interrupted(tmp_path: Path) -> None:
    file = tmp_path / "nap.yaml"
    file.write_text("[{say: {call: sys.log, args: {text: asleep}}}, {nap: {call: sys.sleep, args: {seconds: 3600}}}]")
    with subprocess.Popen(words(file), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "asleep" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()

        assert (process.wait(PATIENCE_S), said) == (130, "interrupted\n")


@pytest.mark.parametrize("options", [("--data", "{nope"), ("--env", "NAME"), ("--data",)])
def test_command_exits_with_2_and_a_reason_when_its_options_are_wrong(run: Run, options: tuple[str, ...]) -> None:
    done = run("[{give: {return: 1}}]", *options)

    assert done.returncode == 2
    assert options[0] in done.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "No such file"),
        ("[", "Expecting"),
        ("[]", "origin to origin"),
        ('{"https://a": "http://8.8.8.8"}', "loopback"),
    ],
)
def test_command_exits_with_2_and_a_reason_when_its_host_map_cannot_be_used(
    run: Run, tmp_path: Path, text: str | None, reason: str
) -> None:
    hosts = tmp_path / "hosts.json"
    if text is not None:
        hosts.write_text(text)
    done = run("[{give: {return: 1}}]", "--host-map", str(hosts))

    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
