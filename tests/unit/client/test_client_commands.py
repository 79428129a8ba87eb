"""The command line as a shell sees it: arguments and environment in; stdout, stderr and an exit code out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.outcomes import ExitCode

JOB = "/v1/jobs/film-3f9a2c"
Run = Callable[..., int]


def test_version_option_prints_the_version(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out.startswith("promptreel ")


@pytest.mark.parametrize("arguments", [["submit"], ["submit", "--wings", "2"], ["fly"]])
def test_command_exits_with_two_when_its_usage_is_wrong(run: Run, fake_api: Any, arguments: list[str]) -> None:
    assert run(*arguments) == ExitCode.REFUSED
    assert fake_api.requests == []


@pytest.mark.parametrize("name", ["PROMPTREEL_API", "PROMPTREEL_TOKEN"])
def test_command_names_a_missing_setting_and_its_fix(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(name)

    assert run("list") == ExitCode.REFUSED
    printed = capsys.readouterr().err
    assert f"{name} is not set." in printed
    assert "python -m localcloud up" in printed


def test_options_api_and_token_override_the_environment(
    run: Run, fake_api: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTREEL_API", "https://elsewhere.example")
    fake_api.on("GET", "/v1/jobs", answer(200, {"jobs": [], "next_page_token": None}))

    assert run("list", "--api", fake_api.url, "--token", "another") == 0
    assert fake_api.requests[0].headers["authorization"] == "Bearer another"


def test_list_shows_every_owner_with_option_all(
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


def test_models_command_prints_a_table_or_the_answer_as_it_is(
    run: Run, fake_api: Any, answer: Any, model_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"at": "2026-11-30T08:00:00Z", "models": [model_json("veo-9")]}
    fake_api.on("GET", "/v1/models", answer(200, found))

    assert run("models") == 0
    assert "veo-9 video ga" in capsys.readouterr().out
    assert run("models", "--json") == 0
    assert json.loads(capsys.readouterr().out) == found


def test_status_names_the_models_of_the_plan_with_their_reasons(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    models = [{"kind": "text", "id": "gemini-9", "reason": "named in the request"}]
    fake_api.on("GET", JOB, answer(200, job_json(models=models)))

    assert run("status", "film-3f9a2c") == 0
    assert "Model    text gemini-9: named in the request" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("state", "code"), [("COMPLETE", 0), ("FAILED", 1), ("CANCELLED", 4), ("AWAITING_APPROVAL", 5)]
)
def test_watch_exits_by_how_the_job_ended(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], state: str, code: int
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state=state)))

    assert run("watch", "film-3f9a2c") == code


@pytest.mark.parametrize("command", ["watch", "status"])
def test_film_url_is_one_line_when_longer_than_the_terminal(
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


def test_submit_with_watch_and_json_prints_the_last_state_of_the_job_on_stdout(
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


def test_status_of_a_failed_job_prints_its_error_and_exits_with_zero(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    error = {"code": "broken", "message": "It broke.", "remedy": "Resume it.", "step": "", "scene": None}
    fake_api.on("GET", JOB, answer(200, job_json(state="FAILED", error=error)))

    assert run("status", "film-3f9a2c") == 0

    printed = capsys.readouterr().out
    assert "FAILED" in printed
    assert "Error    It broke." in printed
    assert "Fix      Resume it." in printed


@pytest.mark.parametrize("command", ["status", "ledger"])
def test_option_json_prints_the_answer_unchanged(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    body = {"anything": "ü"}
    fake_api.on("GET", JOB, answer(200, body))
    fake_api.on("GET", f"{JOB}/ledger", answer(200, body))

    assert run(command, "film-3f9a2c", "--json") == 0
    assert json.loads(capsys.readouterr().out) == body


def test_cancel_prints_the_state_of_the_job(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", f"{JOB}:cancel", answer(200, job_json(state="CANCELLED")))

    assert run("cancel", "film-3f9a2c") == 0
    assert capsys.readouterr().out == "CANCELLED\n"


def test_download_saves_film_and_poster(
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


def test_download_says_what_to_do_when_there_is_no_film_yet(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state="VIDEO_GEN")))

    assert run("download", "film-3f9a2c") == ExitCode.REFUSED
    assert "promptreel watch film-3f9a2c" in capsys.readouterr().err


def test_problem_is_printed_on_stderr_with_its_fix_and_trace(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = {"code": "invalid", "message": "scenes: at most 60 [bold]", "remedy": "Ask for fewer.", "trace": "t-1"}
    fake_api.on("POST", "/v1/jobs", answer(422, problem))

    assert run("submit", "Rain", "--scenes", "99") == ExitCode.REFUSED

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[1:] == [
        "Error    scenes: at most 60 [bold]",
        "Fix      Ask for fewer.",
        "         invalid, trace t-1",
    ]


@pytest.mark.usefixtures("no_retries")
def test_command_exits_with_three_when_the_api_is_unreachable(
    run: Run, unused_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("list", "--api", f"http://127.0.0.1:{unused_port}") == ExitCode.UNREACHABLE
    assert f"No answer from 127.0.0.1:{unused_port}" in capsys.readouterr().err


def test_upgrade_sends_what_is_to_be_better_and_prints_the_new_job(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", f"{JOB}:upgrade", answer(202, {"id": "job-2", "state": "PENDING", "warnings": ["Mixed."]}))
    options = ("--scenes", "1,3", "--model", "veo-3.1-generate-001", "--resolution", "1080p", "--budget", "9")

    assert run("upgrade", "film-3f9a2c", *options, "--idempotency-key", "k") == 0

    (request,) = fake_api.requests
    assert request.headers["idempotency-key"] == "k"
    assert request.body == {
        "scenes": [1, 3],
        "models": {"video": "veo-3.1-generate-001"},
        "resolution": "1080p",
        "budget_usd": 9.0,
    }
    printed = capsys.readouterr()
    assert printed.out == "job-2\n"
    assert "Mixed." in printed.err


def test_status_names_the_film_that_an_upgrade_takes_over(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(upgraded_from="job-1")))

    assert run("status", "film-3f9a2c") == 0
    assert "From     job-1" in capsys.readouterr().out


def test_upgrade_is_refused_when_scenes_are_no_numbers(
    run: Run, fake_api: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("upgrade", "film-3f9a2c", "--scenes", "first") == ExitCode.REFUSED
    assert "--scenes: 'first' is not a list of numbers." in capsys.readouterr().err
    assert fake_api.requests == []


def test_resume_sends_the_new_limit(run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fake_api.on("POST", f"{JOB}:resume", answer(202, {"id": "film-3f9a2c", "state": "KEYFRAMES"}))

    assert run("resume", "film-3f9a2c", "--budget", "40") == 0

    assert fake_api.requests[0].body == {"budget_usd": "40.0"}
    assert capsys.readouterr().out == "KEYFRAMES\n"


GATE = {"stage": "storyboard", "revision": 3, "since": "2026-11-21T09:01:00Z", "expires": "2027-02-19T09:00:00Z"}


def test_approve_sends_the_gate_at_which_the_job_waits(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state="AWAITING_APPROVAL", gate=GATE)))
    fake_api.on("POST", f"{JOB}:approve", answer(202, {"id": "film-3f9a2c", "state": "KEYFRAMES"}))

    assert run("approve", "film-3f9a2c") == 0
    assert fake_api.requests[1].body == {"gate": "storyboard", "revision": 3}
    assert capsys.readouterr().out == "KEYFRAMES\n"


def test_watch_shows_the_storyboard_and_how_to_go_on_when_the_job_waits(
    run: Run,
    fake_api: Any,
    answer: Any,
    job_json: Callable[..., Any],
    scene_json: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    board = {
        "style_guide": {"visual_style": "Ink on paper", "palette": ["teal"], "camera": "slow"},
        "characters": [{"name": "Mira", "description": "a grey coat"}],
        "settings": [],
    }
    scene = scene_json(start_prompt="a door", end_prompt="an open door", motion_prompt="it opens")
    waits = job_json(state="AWAITING_APPROVAL", gate=GATE, board=board, scenes=[scene])
    fake_api.on("GET", JOB, answer(200, waits))

    assert run("watch", "film-3f9a2c") == ExitCode.WAITING
    printed = capsys.readouterr().out
    for shown in ("Ink on paper", "Mira: a grey coat", "first: a door", "last: an open door", "motion: it opens"):
        assert shown in printed
    assert "no picture is paid yet, until 2027-02-19" in printed
    assert "promptreel approve film-3f9a2c" in printed


def test_approve_names_the_next_stop_and_no_revision_for_another_gate(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state="AWAITING_APPROVAL", gate=GATE)))
    fake_api.on("POST", f"{JOB}:approve", answer(202, {"id": "film-3f9a2c", "state": "KEYFRAMES"}))

    run("approve", "film-3f9a2c", "--gate", "keyframes", "--stop-after", "keyframes")

    assert fake_api.requests[1].body == {"gate": "keyframes", "stop_after": "keyframes"}


def test_edit_sends_one_change_of_the_plan_and_prints_what_it_redoes(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state="AWAITING_APPROVAL", gate=GATE)))
    edited = {
        "id": "film-3f9a2c",
        "revision": 4,
        "changed": ["scene-02.end_prompt"],
        "redo": {"keyframes": ["scene-02/end", "scene-03/end"], "at_most_usd": "0.40"},
        "left_at_most_usd": "7.60",
        "limit_usd": "25.00",
        "planned_duration_s": 18.0,
    }
    fake_api.on("PATCH", f"{JOB}/plan", answer(200, edited))

    assert run("edit", "film-3f9a2c", "--scene", "scene-02", "--last", "Night.", "--order", "scene-02, scene-01") == 0

    assert fake_api.requests[1].body == {
        "revision": 3,
        "scenes": [{"scene": "scene-02", "end_prompt": "Night."}],
        "order": ["scene-02", "scene-01"],
    }
    printed = capsys.readouterr().out
    assert "scene-02/end, scene-03/end, for up to $0.40" in printed
    assert "up to $7.60" in printed
    assert "approve film-3f9a2c --stop-after keyframes" in printed


def test_edit_of_looks_clothing_and_props_is_one_change_and_names_redrawn_sheets(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state="AWAITING_APPROVAL", gate=GATE)))
    edited = {
        "id": "film-3f9a2c",
        "revision": 4,
        "changed": ["characters.Mira"],
        "redo": {"sheets": ["Mira"], "keyframes": ["scene-01/start"], "at_most_usd": "0.14"},
        "left_at_most_usd": "7.60",
        "limit_usd": "25.00",
        "planned_duration_s": 18.0,
    }
    fake_api.on("PATCH", f"{JOB}/plan", answer(200, edited))

    options = (
        "--character",
        "Mira=red hair",
        "--clothing",
        "Mira=a coat",
        "--clothing",
        "Otto=a hat",
        "--prop",
        "lamp=tin",
    )
    assert run("edit", "film-3f9a2c", *options) == 0

    assert fake_api.requests[1].body == {
        "revision": 3,
        "characters": [
            {"name": "Mira", "description": "red hair", "clothing": "a coat"},
            {"name": "Otto", "clothing": "a hat"},
        ],
        "props": [{"name": "lamp", "description": "tin"}],
    }
    assert "the sheet of Mira, scene-01/start, for up to $0.14" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--motion", "x"], "--scene goes with"),
        (["--scene", "scene-01"], "--scene goes with"),
        (["--character", "Mira"], "--character has no ="),
        ([], "There is nothing to change"),
    ],
)
def test_edit_is_refused_without_a_request_when_its_options_are_wrong(
    run: Run,
    fake_api: Any,
    answer: Any,
    job_json: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    problem: str,
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state="AWAITING_APPROVAL", gate=GATE)))

    assert run("edit", "film-3f9a2c", *options) == ExitCode.REFUSED
    assert problem in capsys.readouterr().err
    assert "PATCH" not in " ".join(fake_api.paths())


def test_edit_says_when_the_job_does_not_wait(
    run: Run, fake_api: Any, answer: Any, job_json: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(state="VIDEO_GEN")))

    assert run("edit", "film-3f9a2c", "--order", "scene-01") == ExitCode.REFUSED
    assert "it is VIDEO_GEN" in capsys.readouterr().err
