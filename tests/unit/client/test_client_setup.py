"""`promptreel config`, `doctor` and `open`: what a person needs before and after a film."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.configuration import settings_file
from client.outcomes import ExitCode

JOB = "/v1/jobs/film-3f9a2c"
Run = Callable[..., int]


@pytest.fixture
def models(model_json: Callable[..., Any]) -> list[dict[str, Any]]:
    """One model of each kind."""
    return [model_json(f"{kind}-1", kind=kind) for kind in ("text", "image", "video")]


def _token(ends_in_s: int) -> str:
    claims = {"email": "mira@example.com", "exp": time.time() + ends_in_s}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.x"


def test_config_stores_the_address_for_later_commands(
    run: Run, fake_api: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROMPTREEL_API")
    fake_api.on("GET", "/v1/jobs", answer(200, {"jobs": [], "next_page_token": None}))

    assert run("list") == ExitCode.REFUSED
    assert run("config", "api", fake_api.url) == 0
    assert run("list") == 0


def test_config_shows_each_value_with_its_source(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROMPTREEL_API", "https://from.environment")
    run("config", "api", "https://from.file")
    run("config", "token_command", "print-token")
    capsys.readouterr()

    assert run("config", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["api"] == {"value": "https://from.environment", "source": "PROMPTREEL_API"}
    assert shown["token_command"] == {"value": "print-token", "source": str(settings_file())}


def test_config_forgets_a_setting(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run("config", "token_command", "print-token")

    assert run("config", "--unset", "token_command") == 0
    assert "not set" in capsys.readouterr().out.splitlines()[-2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["api", "http://films.example"], "unencrypted"),
        (["token", "secret"], "A token ends after an hour"),
        (["colour", "red"], "no setting 'colour'"),
        (["--unset"], "no setting ''"),
        (["colour"], "no setting 'colour'"),
    ],
)
def test_config_refuses_what_it_cannot_store(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run("config", *arguments) == ExitCode.REFUSED
    assert said in " ".join(capsys.readouterr().err.split())
    assert not settings_file().exists()


@pytest.mark.parametrize("text", ["- a list", "api: [", "colour: red", "api: 5"])
def test_damaged_settings_file_is_named(run: Run, capsys: pytest.CaptureFixture[str], text: str) -> None:
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text(text)

    assert run("config") == ExitCode.REFUSED
    assert "config.yaml" in capsys.readouterr().err


def test_doctor_finds_nothing_missing_when_all_works(
    run: Run,
    fake_api: Any,
    answer: Any,
    models: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PROMPTREEL_TOKEN", _token(600))
    fake_api.on("GET", "/v1/models", answer(200, {"at": "2026-11-30T08:00:00Z", "models": models}))

    assert run("doctor") == 0
    shown = capsys.readouterr().out
    assert "for mira@example.com, valid for 10 minutes" in shown
    assert "(from PROMPTREEL_API)" in shown
    assert "image model  image-1" in shown
    assert "accepts the token" in shown
    assert "MISSING" not in shown


def test_doctor_names_the_first_thing_that_is_missing_and_its_remedy(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PROMPTREEL_API")

    assert run("doctor") == ExitCode.FAILED
    assert "promptreel config api" in capsys.readouterr().out


def _missing(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    findings = json.loads(capsys.readouterr().out)
    missing: list[dict[str, Any]] = [one for one in findings if one["state"] == "missing"]
    assert len(missing) == 1, findings
    return missing[0]


def test_doctor_reports_an_expired_token(
    run: Run, fake_api: Any, answer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PROMPTREEL_TOKEN", _token(-5))
    fake_api.on("GET", "/v1/models", answer(401))

    assert run("doctor", "--json") == ExitCode.FAILED
    found = [one for one in json.loads(capsys.readouterr().out) if one["state"] == "missing"]
    assert [one["name"] for one in found] == ["token", "API"]
    assert "expired" in found[0]["message"]


def test_doctor_reports_an_api_that_does_not_answer(
    run: Run, unused_port: int, no_retries: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("doctor", "--json", "--api", f"http://127.0.0.1:{unused_port}") == ExitCode.FAILED
    assert _missing(capsys)["name"] == "API"


def test_doctor_says_how_to_get_a_kind_of_model_that_is_off(
    run: Run, fake_api: Any, answer: Any, models: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    models[1]["obstacle"] = {"code": "off", "message": "off", "remedy": "Enable the Vertex AI API."}
    fake_api.on("GET", "/v1/models", answer(200, {"at": "2026-11-30T08:00:00Z", "models": models}))

    assert run("doctor", "--json") == ExitCode.FAILED
    found = _missing(capsys)
    assert (found["name"], found["remedy"]) == ("image model", "Enable the Vertex AI API.")


def test_open_prints_the_address_when_there_is_no_terminal(
    run: Run,
    fake_api: Any,
    answer: Any,
    job_json: Callable[..., Any],
    film_output: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: pytest.fail("no terminal, no browser"))
    fake_api.on("GET", JOB, answer(200, job_json(state="COMPLETE", output=film_output)))

    assert run("open", "film-3f9a2c") == 0
    assert capsys.readouterr().out == "https://media.example/film.mp4\n"


@pytest.mark.parametrize(
    ("job", "shown"),
    [
        ({"state": "AWAITING_APPROVAL", "animatic": {"url": "https://media.example/a.mp4"}}, "a.mp4"),
        ({"state": "AWAITING_APPROVAL", "animatic": None}, "has no film: it is AWAITING_APPROVAL"),
        ({"state": "FAILED"}, "promptreel status film-3f9a2c"),
    ],
)
def test_open_shows_the_animatic_or_says_why_there_is_nothing(
    run: Run,
    fake_api: Any,
    answer: Any,
    job_json: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    job: dict[str, Any],
    shown: str,
) -> None:
    fake_api.on("GET", JOB, answer(200, job_json(**job)))

    run("open", "film-3f9a2c")

    printed = capsys.readouterr()
    assert shown in printed.out + printed.err


def test_download_saves_everything_that_a_job_still_has_when_asked(
    run: Run,
    fake_api: Any,
    answer: Any,
    job_json: Callable[..., Any],
    scene_json: Callable[..., Any],
    film_output: Any,
    tmp_path: Path,
) -> None:
    def link(name: str) -> dict[str, str]:
        return {"url": f"{fake_api.url}/{name}?signature=x"}

    output = film_output | {"film": link("f.mp4"), "poster": link("p.jpg"), "preview": link("v.mp4")}
    scene = scene_json(clip=link("c.mp4"), keyframes={"start": link("s.png"), "end": None})
    fake_api.on("GET", JOB, answer(200, job_json(state="COMPLETE", output=output, scenes=[scene])))
    for name in ("f.mp4", "p.jpg", "v.mp4", "c.mp4", "s.png"):
        fake_api.on("GET", f"/{name}", answer(200, name.encode()))

    assert run("download", "film-3f9a2c", str(tmp_path), "--all") == 0
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "film.mp4": "f.mp4",
        "poster.jpg": "p.jpg",
        "preview.mp4": "v.mp4",
        "scene-01-clip.mp4": "c.mp4",
        "scene-01-start.png": "s.png",
    }
