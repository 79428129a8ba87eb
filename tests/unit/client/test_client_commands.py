"""The command line as a shell sees it: arguments and environment in; stdout, stderr and an exit code out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client import cli, printing

JOB = "/v1/jobs/film-3f9a2c"
Run = Callable[..., int]


def test_version_when_asked_then_printed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("promptreel ")


@pytest.mark.parametrize("arguments", [["submit"], ["submit", "--wings", "2"], ["fly"]])
def test_command_when_it_makes_no_sense_then_exit_code_two(run: Run, fake_api: Any, arguments: list[str]) -> None:
    assert run(*arguments) == printing.REFUSED
    assert fake_api.asked == []


@pytest.mark.parametrize("name", ["PROMPTREEL_API", "PROMPTREEL_TOKEN"])
def test_setting_when_missing_then_named_with_a_way_out(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(name)

    assert run("list") == printing.REFUSED
    told = capsys.readouterr().err
    assert f"{name} not set" in told
    assert "python -m localcloud up" in told


def test_api_and_token_when_given_as_options_then_they_win(
    run: Run, fake_api: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTREEL_API", "https://elsewhere.example")
    fake_api.on("GET", "/v1/jobs", answer(200, {"jobs": [], "next_page_token": None}))

    assert run("list", "--api", fake_api.url, "--token", "another") == 0
    assert fake_api.asked[0].headers["authorization"] == "Bearer another"


def test_list_shows_every_owner_when_asked_for_all(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {
        "id": "job-1",
        "state": "STITCH",
        "title": "Light",
        "created": "2026-11-30T08:00:00Z",
        "owner": "m@example.com",
    }
    fake_api.on("GET", "/v1/jobs", answer(200, {"jobs": [row], "next_page_token": None}))

    assert run("list", "--all") == 0
    assert fake_api.paths() == ["GET /v1/jobs?owner=%2A"]
    assert "m@example.com" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("state", "code"), [("COMPLETE", 0), ("FAILED", cli.JOB_FAILED), ("CANCELLED", cli.JOB_FAILED)]
)
def test_job_when_watched_to_its_end_then_exit_code_zero_only_for_a_film(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], state: str, code: int
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state=state)))

    assert run("watch", "film-3f9a2c") == code


@pytest.mark.parametrize("command", ["watch", "status"])
def test_film_address_when_longer_than_the_terminal_then_still_one_line(
    run: Run,
    fake_api: Any,
    answer: Any,
    job_json: Callable[..., Any],
    film_output: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    address = f"https://media.example/film.mp4?X-Goog-Signature={'0' * 500}"
    done = job_json(state="COMPLETE", output=film_output | {"film": {"url": address}})
    fake_api.on("GET", JOB, answer(200, done))

    run(command, "film-3f9a2c")

    assert capsys.readouterr().out.splitlines()[-1] == address


def test_submission_when_watched_with_json_then_stdout_is_the_last_look(
    run: Run,
    fake_api: Any,
    answer: Any,
    job_json: Callable[..., Any],
    film_output: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = job_json(state="COMPLETE", output=film_output)
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-3f9a2c", "state": "PENDING"}))
    fake_api.on("GET", JOB, answer(200, done))

    assert run("submit", "A lighthouse", "--watch", "--json") == 0

    printed = capsys.readouterr()
    assert json.loads(printed.out) == done
    assert "COMPLETE" in printed.err


def test_failed_job_when_its_status_is_asked_then_told_and_no_failure_of_ours(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    error = {"code": "broken", "message": "It broke.", "remedy": "Resume it.", "step": "", "scene": None}
    fake_api.on("GET", JOB, answer(200, job_json(state="FAILED", error=error)))

    assert run("status", "film-3f9a2c") == 0

    told = capsys.readouterr().out
    assert "FAILED" in told
    assert "Error    It broke." in told
    assert "Way out  Resume it." in told


@pytest.mark.parametrize("command", ["status", "ledger"])
def test_answer_when_wanted_as_json_then_printed_as_it_came(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    told = {"anything": "ü"}
    fake_api.on("GET", JOB, answer(200, told))
    fake_api.on("GET", f"{JOB}/ledger", answer(200, told))

    assert run(command, "film-3f9a2c", "--json") == 0
    assert json.loads(capsys.readouterr().out) == told


def test_job_when_cancelled_then_its_state_is_told(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", f"{JOB}:cancel", answer(200, job_json(state="CANCELLED")))

    assert run("cancel", "film-3f9a2c") == 0
    assert capsys.readouterr().out == "CANCELLED\n"


def test_film_when_downloaded_then_film_and_poster_are_saved(
    run: Run,
    fake_api: Any,
    answer: Any,
    job_json: Callable[..., Any],
    film_output: dict[str, Any],
    tmp_path: Path,
) -> None:
    links = {name: {"url": f"{fake_api.url}/{name}"} for name in ("film", "poster")}
    fake_api.on("GET", JOB, answer(200, job_json(state="COMPLETE", output=film_output | links)))
    fake_api.on("GET", "/film", answer(200, b"film"))
    fake_api.on("GET", "/poster", answer(200, b"poster"))

    assert run("download", "film-3f9a2c", str(tmp_path)) == 0

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "film.mp4": b"film",
        "poster.jpg": b"poster",
    }


def test_film_when_not_made_yet_then_download_says_what_to_do(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state="VIDEO_GEN")))

    assert run("download", "film-3f9a2c") == printing.REFUSED
    assert "promptreel watch film-3f9a2c" in capsys.readouterr().err


def test_problem_when_answered_then_on_stderr_with_its_way_out_and_trace(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = {"code": "invalid", "message": "scenes: at most 60 [bold]", "remedy": "Ask for fewer.", "trace": "t-1"}
    fake_api.on("POST", "/v1/jobs", answer(422, problem))

    assert run("submit", "Rain", "--scenes", "99") == printing.REFUSED

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[1:] == [
        "Error    scenes: at most 60 [bold]",
        "Way out  Ask for fewer.",
        "         invalid, trace t-1",
    ]


def test_api_when_nobody_listens_then_exit_code_three(
    run: Run, unused_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("client.retries.Retries.wait_s", lambda *_: None)

    assert run("list", "--api", f"http://127.0.0.1:{unused_port}") == printing.UNREACHABLE
    assert f"No answer from 127.0.0.1:{unused_port}" in capsys.readouterr().err


def test_failed_job_when_resumed_with_more_money_then_the_new_limit_is_sent(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", f"{JOB}:resume", answer(202, {"id": "film-3f9a2c", "state": "KEYFRAMES"}))

    assert run("resume", "film-3f9a2c", "--budget", "40") == 0

    assert fake_api.asked[0].body == {"budget_usd": "40.0"}
    assert capsys.readouterr().out == "KEYFRAMES\n"
