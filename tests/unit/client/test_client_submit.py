"""`promptreel submit`: an idea or a request from an argument, a file or stdin becomes the request that is sent."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.outcomes import ExitCode

Run = Callable[..., int]


def test_submit_prints_only_the_job_id_on_stdout(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-3f9a2c", "state": "PENDING"}))

    assert run("submit", "A lighthouse at dawn") == 0

    printed = capsys.readouterr()
    assert printed.out == "film-3f9a2c\n"
    assert "Watch it" not in printed.err, "advice for a person is for a terminal"
    assert fake_api.requests[0].body == {"prompt": "A lighthouse at dawn"}
    assert fake_api.requests[0].headers["idempotency-key"]


def test_submit_sends_each_option_as_its_field_of_the_request(run: Run, fake_api: Any, answer: Any) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-1", "state": "PENDING"}))
    words = (
        "--duration 32 --scenes 4 --aspect 9:16 --resolution 1080p --budget 5.5 --title Light --seed 7 --quality draft "
        "--transition crossfade --transition-duration 0.5 --no-clip-audio --video-model veo-x --priority high "
        "--style noir --continuity chain --approval none --on-scene-failure fail --grade match --no-checks --no-cache "
        "--idempotency-key key-1"
    )

    assert run("submit", "A lighthouse", *words.split()) == 0

    assert fake_api.requests[0].headers["idempotency-key"] == "key-1"
    assert fake_api.requests[0].body == {
        "prompt": "A lighthouse",
        "title": "Light",
        "duration_s": 32.0,
        "scenes": 4,
        "aspect": "9:16",
        "resolution": "1080p",
        "quality": "draft",
        "style": "noir",
        "budget_usd": 5.5,
        "seed": 7,
        "transition": {"kind": "crossfade", "duration_s": 0.5},
        "clip_audio": False,
        "models": {"video": "veo-x"},
        "continuity": "chain",
        "approval": "none",
        "on_scene_failure": "fail",
        "grade": "match",
        "priority": "high",
        "checks": False,
        "cache": False,
    }


def test_submit_sends_the_whole_prompt_from_stdin(
    run: Run, fake_api: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-1", "state": "PENDING"}))
    monkeypatch.setattr("sys.stdin", io.StringIO("Two lines\nof rain\n"))

    run("submit", "-")

    assert fake_api.requests[0].body == {"prompt": "Two lines\nof rain\n"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("idea.json", '{"prompt": "Rain", "aspect": "9:16", "scenes": 3, "models": {"text": "t"}}'),
        ("idea.yaml", "prompt: Rain\naspect: 9:16\nscenes: 3\nmodels: {text: t}\n"),
    ],
)
def test_submit_options_replace_fields_of_a_request_file(
    run: Run, fake_api: Any, answer: Any, tmp_path: Path, name: str, content: str
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-1", "state": "PENDING"}))
    (tmp_path / name).write_text(content)

    run("submit", "--file", str(tmp_path / name), "--scenes", "5", "--video-model", "v")

    expected = {"prompt": "Rain", "aspect": "9:16", "scenes": 5, "models": {"text": "t", "video": "v"}}
    assert fake_api.requests[0].body == expected


def test_yaml_request_keeps_every_plain_value_but_null_as_text(
    run: Run, fake_api: Any, answer: Any, tmp_path: Path
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-1", "state": "PENDING"}))
    path = tmp_path / "idea.yaml"
    path.write_text("prompt: Rain\ntitle: 2026-01-01\nclip_audio: no\nseed: 0123\nscenes: ~\n")

    run("submit", "--file", str(path))

    expected = {"prompt": "Rain", "title": "2026-01-01", "clip_audio": "no", "seed": "0123", "scenes": None}
    assert fake_api.requests[0].body == expected


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_submit_prints_values_read_from_the_prompt_and_warnings(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    job = {
        "id": "film-1",
        "state": "PENDING",
        "inferred": [
            {"field": "scenes", "value": 2, "words": "two scenes"},
            {"field": "duration_s", "value": 30, "words": "30 seconds"},
            {"field": "aspect", "value": "9:16", "words": "vertical\x1b"},
        ],
        "warnings": ["prompt: “30 seconds” cannot be met."],
    }
    fake_api.on("POST", "/v1/jobs", answer(202, job))

    assert run("submit", "Two scenes, 30 seconds, vertical", *options) == 0

    printed = capsys.readouterr()
    assert [line for line in printed.err.splitlines() if line.startswith(("Read", "Warning"))] == [
        "Read     2 scenes from “two scenes”",
        "Read     30 s from “30 seconds”",
        "Read     9:16 from “vertical”",
        "Warning  prompt: “30 seconds” cannot be met.",
    ]
    assert "Read" not in printed.out


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("idea.json", "{"),
        ("idea.json", "[1]"),
        ("idea.yaml", "a: [b"),
        ("idea.yaml", "just words"),
        ("idea.txt", b"\xff"),
    ],
)
def test_submit_sends_nothing_when_the_file_is_invalid(
    run: Run, fake_api: Any, tmp_path: Path, name: str, content: str | bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    assert run("submit", "--file", str(path)) == ExitCode.REFUSED
    assert name in capsys.readouterr().err
    assert fake_api.requests == []


def test_submit_refuses_two_prompts(run: Run, fake_api: Any, tmp_path: Path) -> None:
    (tmp_path / "idea.txt").write_text("Rain")

    assert run("submit", "Snow", "--file", str(tmp_path / "idea.txt")) == ExitCode.REFUSED
    assert fake_api.requests == []
