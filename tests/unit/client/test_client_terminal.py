"""The command as a process: on a terminal, in a pipe, interrupted, with an expired token."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

COMMAND = (sys.executable, "-m", "client.cli")
JOB = "/v1/jobs/film-3f9a2c"
WAIT_S = 60


@pytest.fixture
def environment(own_machine: None, fake_api: Any) -> dict[str, str]:
    return {
        **os.environ,
        "PROMPTREEL_API": fake_api.url,
        "PROMPTREEL_TOKEN": "first",
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "100",
        "TERM": "xterm",
    }


@contextmanager
def terminal(*arguments: str, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A command whose three streams are a terminal, and our end of it."""
    ours, theirs = os.openpty()
    with subprocess.Popen((*COMMAND, *arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as child:
        os.close(theirs)
        try:
            yield child, ours
        finally:
            child.kill()
            os.close(ours)


def read_until(terminal_end: int, text: str) -> str:
    """What the command wrote up to this text; all it wrote when it ended first."""
    shown = b""
    while text.encode() not in shown:
        try:
            piece = os.read(terminal_end, 65536)
        except OSError:  # the command has ended
            break
        if not piece:
            break
        shown += piece
    return shown.decode()


def run(*arguments: str, environment: dict[str, str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*COMMAND, *arguments),
        input=stdin,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


@pytest.fixture
def estimate() -> dict[str, Any]:
    price = {"low_usd": "3.00", "expected_usd": "3.10", "high_usd": "4.25"}
    wait = {"low": 60, "expected": 90, "high": 180}
    parts = {"scenes": {"fewest": 2, "most": 2}, "stages": [], "calls": price, "platform": price, "refusals": []}
    return {"estimate": {**parts, "total": price, "needed_usd": "5", "wait_s": wait}, "models": [], "warnings": []}


@pytest.mark.parametrize(("answered", "submitted", "code"), [("y", True, 0), ("n", False, 2)])
def test_submit_asks_after_the_estimate_when_on_a_terminal(
    fake_api: Any,
    answer: Any,
    environment: dict[str, str],
    estimate: Any,
    answered: str,
    submitted: bool,
    code: int,
) -> None:
    fake_api.on("POST", "/v1/estimate", answer(200, estimate))
    accepted = {"id": "film-3f9a2c", "state": "PENDING", "estimate": estimate["estimate"]}
    fake_api.on("POST", "/v1/jobs", answer(202, accepted))

    with terminal("submit", "A lighthouse", environment=environment) as (child, ours):
        shown = read_until(ours, "[y/N]")
        os.write(ours, f"{answered}\n".encode())
        after = read_until(ours, "never written")
        assert child.wait(WAIT_S) == code

    assert "$4.25" in shown
    assert "Estimate" not in after, "it was shown before the question"
    assert ("POST /v1/jobs" in fake_api.paths()) == submitted


def test_submit_does_not_ask_when_told_yes(fake_api: Any, answer: Any, environment: dict[str, str]) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-3f9a2c", "state": "PENDING"}))

    with terminal("submit", "A lighthouse", "--yes", environment=environment) as (child, ours):
        read_until(ours, "never written")
        assert child.wait(WAIT_S) == 0

    assert fake_api.paths() == ["POST /v1/jobs"]


def test_submit_reads_the_prompt_from_a_pipe_and_does_not_ask(
    fake_api: Any, answer: Any, environment: dict[str, str]
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-3f9a2c", "state": "PENDING"}))

    ended = run("submit", "-", environment=environment, stdin="A lighthouse")

    assert (ended.returncode, ended.stdout) == (0, "film-3f9a2c\n")
    assert fake_api.requests[0].body == {"prompt": "A lighthouse"}
    assert "\x1b" not in ended.stdout + ended.stderr


@pytest.mark.parametrize("words", [("watch", "film-3f9a2c"), ("submit", "A lighthouse", "--watch")])
def test_ctrl_c_leaves_the_job_running_and_says_how_to_come_back(
    fake_api: Any, answer: Any, job_json: Callable[..., Any], environment: dict[str, str], words: tuple[str, ...]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state="VIDEO_GEN")))
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-3f9a2c", "state": "PENDING"}))

    with subprocess.Popen(
        (*COMMAND, *words), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert "VIDEO_GEN" in child.stdout.readline()
        child.send_signal(signal.SIGINT)
        said = child.stderr.read()

    assert child.returncode == 130
    assert "The job continues. Watch it: promptreel watch film-3f9a2c" in said
    assert "Traceback" not in said
    assert not [path for path in fake_api.paths() if "cancel" in path or "DELETE" in path]


def test_watch_on_a_terminal_leaves_the_table_when_interrupted(
    fake_api: Any, answer: Any, job_json: Callable[..., Any], environment: dict[str, str], estimate: Any
) -> None:
    running = job_json(
        state="VIDEO_GEN",
        estimate=estimate["estimate"],
        progress={"stage": "VIDEO_GEN", "scenes_total": 2, "scenes_done": 1, "fraction": 0.5},
    )
    fake_api.on("GET", JOB, answer(200, running))

    with terminal("watch", "film-3f9a2c", environment=environment) as (child, ours):
        shown = read_until(ours, "about 0:45 left")
        child.send_signal(signal.SIGINT)
        shown += read_until(ours, "promptreel watch film-3f9a2c")
        assert child.wait(WAIT_S) == 130

    assert "about 0:45 left" in shown
    assert "The job continues." in shown


def test_watch_goes_on_with_a_new_token_when_the_first_expires(
    fake_api: Any, answer: Any, job_json: Callable[..., Any], environment: dict[str, str]
) -> None:
    done = answer(200, job_json(state="COMPLETE"))
    fake_api.on("GET", JOB, answer(200, job_json()), answer(401), done)

    ended = run("watch", "film-3f9a2c", environment={**environment, "PROMPTREEL_TOKEN_COMMAND": "echo second"})

    assert ended.returncode == 0, ended.stderr
    sent = [request.headers["authorization"] for request in fake_api.requests]
    assert sent == ["Bearer first", "Bearer first", "Bearer second"]


def test_watch_says_how_to_come_back_when_the_token_expires_and_no_new_one_is_known(
    fake_api: Any, answer: Any, job_json: Callable[..., Any], environment: dict[str, str]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json()), answer(401))

    ended = run("watch", "film-3f9a2c", environment=environment)

    assert ended.returncode == 2
    assert "The job continues. Watch it: promptreel watch film-3f9a2c" in ended.stderr
    assert "PROMPTREEL_TOKEN_COMMAND" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_list_ends_quietly_when_its_reader_is_gone(fake_api: Any, answer: Any, environment: dict[str, str]) -> None:
    row = {"id": "film-1", "state": "STITCH", "title": "Light", "created": "2026-11-30T08:00:00Z"}
    fake_api.on("GET", "/v1/jobs", answer(200, {"jobs": [row] * 5000, "next_page_token": None}))

    with subprocess.Popen((*COMMAND, "list"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.read(1)
        child.stdout.close()
        said = child.stderr.read()

    assert b"Traceback" not in said


def test_shell_completes_commands_and_usual_values(environment: dict[str, str], fake_api: Any, answer: Any) -> None:
    row = {"id": "film-3f9a2c", "state": "STITCH", "title": "Light"}
    fake_api.on("GET", "/v1/jobs", answer(200, {"jobs": [row], "next_page_token": None}))

    def complete(line: str) -> list[str]:
        shell = {"_PROMPTREEL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        return run(environment={**environment, **shell}).stdout.split()

    assert "download" in complete("promptreel do")
    assert complete("promptreel submit --quality ") == ["draft", "standard", "best"]
    assert complete("promptreel watch fi") == ["film-3f9a2c"]


def test_full_disk_or_missing_folder_is_a_sentence(
    fake_api: Any,
    answer: Any,
    job_json: Callable[..., Any],
    film_output: Any,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state="COMPLETE", output=film_output)))
    (tmp_path / "file").write_text("no folder")

    ended = run("download", "film-3f9a2c", str(tmp_path / "file"), environment=environment)

    assert ended.returncode == 2
    assert ended.stderr.startswith("Error    ")
    assert "Traceback" not in ended.stderr


def test_answer_without_a_field_is_a_sentence_and_a_traceback_only_when_wanted(
    fake_api: Any, answer: Any, environment: dict[str, str]
) -> None:
    fake_api.on("GET", JOB, answer(200, {"id": "film-3f9a2c"}))

    ended = run("status", "film-3f9a2c", environment=environment)
    debugged = run("status", "film-3f9a2c", environment={**environment, "PROMPTREEL_DEBUG": "1"})

    assert ended.returncode == 70
    assert "KeyError" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Traceback" in debugged.stderr
