"""`promptreel estimate`: the options of a submission, and the price and the wait as a table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.outcomes import ExitCode

Run = Callable[..., int]


def price(low: str, expected: str, high: str) -> dict[str, str]:
    return {"low_usd": low, "expected_usd": expected, "high_usd": high}


ESTIMATE = {
    "scenes": {"fewest": 3, "most": 6},
    "stages": [
        {"stage": "storyboard", **price("0.004035", "0.009234", "0.020068")},
        {"stage": "keyframes", **price("0.27", "0.374316", "0.478")},
        {"stage": "clips", **price("6.00", "10.763692", "14.406176")},
    ],
    "calls": price("6.280383", "11.147243", "14.88734"),
    "platform": price("0.010577", "0.014659", "0.02869"),
    "total": price("6.29096", "11.161902", "14.91603"),
    "needed_usd": "7.55",
    "wait_s": {"low": 158, "expected": 281, "high": 3887},
    "refusals": [{"model": "veo-x", "share": 0.06, "attempts": 0}],
}
ANSWER = {
    "estimate": ESTIMATE,
    "models": [{"kind": "video", "id": "veo-x", "reason": "the cheapest"}],
    "inferred": [{"field": "aspect", "value": "9:16", "words": "vertical"}],
    "warnings": ["veo-x may be switched off from 2027-05-04 on."],
}


def test_estimate_prints_price_by_stage_wait_models_and_what_was_read(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", "/v1/estimate", answer(200, ANSWER))

    assert run("estimate", "A lighthouse, vertical", "--quality", "draft", "--budget", "20") == 0

    printed = capsys.readouterr().out
    rows = [line.split() for line in printed.splitlines()]
    assert ["clips", "$6.00", "$10.76", "$14.41"] in rows
    assert ["platform", "$0.01", "$0.01", "$0.03"] in rows
    assert ["Total", "$6.29", "$11.16", "$14.92"] in rows
    assert ["Wait", "2:38", "4:41", "1:04:47"] in rows
    assert "3-6 scenes; a budget of $7.55 holds the plan." in printed
    assert "video veo-x: the cheapest" in printed
    assert "9:16 from “vertical”" in printed
    assert "Warning  veo-x may be switched off" in printed
    (request,) = fake_api.requests
    assert request.body == {"prompt": "A lighthouse, vertical", "quality": "draft", "budget_usd": 20.0}


@pytest.mark.parametrize("command", ["estimate", "submit"])
def test_argument_that_is_the_name_of_a_file_is_read(
    run: Run, fake_api: Any, answer: Any, tmp_path: Path, command: str
) -> None:
    fake_api.on("POST", "/v1/estimate", answer(200, ANSWER))
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-1", "state": "PENDING"}))
    (tmp_path / "idea.yaml").write_text("prompt: Rain\nscenes: 3\n")

    assert run(command, str(tmp_path / "idea.yaml")) == 0
    assert run(command, str(tmp_path / "none.yaml")) == 0

    assert [request.body for request in fake_api.requests] == [
        {"prompt": "Rain", "scenes": "3"},
        {"prompt": str(tmp_path / "none.yaml")},
    ]


def test_estimate_that_is_refused_exits_with_two_and_names_the_fix(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = {"code": "budget_exceeded", "message": "budget_usd: too small.", "remedy": "Set it to 7.55."}
    fake_api.on("POST", "/v1/estimate", answer(402, problem))

    assert run("estimate", "A lighthouse") == ExitCode.REFUSED
    assert "Set it to 7.55." in capsys.readouterr().err


def test_submit_prints_the_estimate_as_one_line(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", "/v1/jobs", answer(202, {"id": "film-1", "state": "PENDING", "estimate": ESTIMATE}))

    assert run("submit", "A lighthouse") == 0

    printed = capsys.readouterr()
    assert printed.out == "film-1\n"
    assert "Estimate $6.29 to $14.92, about $11.16; in 2:38 to 1:04:47, about 4:41" in printed.err
