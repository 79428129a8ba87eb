"""`promptreel reconcile` and `promptreel delete` as a shell sees them."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.outcomes import ExitCode

JOB = "/v1/jobs/film-3f9a2c"
RECONCILE = f"{JOB}/ledger:reconcile"
BILL = """n,at,model,usd,storage_uri,operation,outcome
2,2026-11-21T10:05:00Z,veo-3.1-generate-001,2.40,gs://a/jobs/film-3f9a2c/clips/scene-01/call-1/,operations/1,delivered
1,2026-11-21T10:00:00+00:00,gemini-3.8-flash,0.008250,,,delivered
3,2026-11-21T10:06:00Z,veo-3.1-generate-001,2.40,gs://a/jobs/another/clips/scene-01/call-9/,operations/2,delivered
"""
Run = Callable[..., int]


@pytest.fixture
def bill(tmp_path: Path) -> Path:
    file = tmp_path / "bill.csv"
    file.write_text(BILL)
    return file


def reconciled(*verdicts: str, **fields: Any) -> dict[str, Any]:
    calls = [
        {
            "id": f"call-{number}",
            "purpose": "clip/scene-01",
            "attempt": number,
            "state": "LOST",
            "ledger_micros": 2_400_000,
            "billed_micros": None,
            "verdict": verdict,
        }
        for number, verdict in enumerate(verdicts, start=1)
    ]
    totals = {"ledger_micros": 2_400_000 * len(calls), "billed_micros": 0}
    return {"calls": calls, "unknown": [], "released": [], "totals": totals, **fields}


def test_reconcile_sends_the_lines_about_the_job_or_no_job_and_the_period_of_the_whole_export(
    run: Run, fake_api: Any, answer: Any, bill: Path
) -> None:
    fake_api.on("POST", RECONCILE, answer(200, reconciled("agrees")))

    assert run("reconcile", "film-3f9a2c", "--bill", str(bill)) == 0

    sent = fake_api.requests[0].body
    assert (sent["since"], sent["until"]) == ("2026-11-21T10:00:00+00:00", "2026-11-21T10:06:00+00:00")
    assert [(row["micros"], row["operation"]) for row in sent["rows"]] == [(8_250, ""), (2_400_000, "operations/1")]
    assert sent["apply"] is False


def test_reconcile_sends_the_given_period_of_the_export(run: Run, fake_api: Any, answer: Any, bill: Path) -> None:
    fake_api.on("POST", RECONCILE, answer(200, reconciled("agrees")))
    period = {"since": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z"}

    run("reconcile", "film-3f9a2c", "--bill", str(bill), "--since", period["since"], "--until", period["until"])

    assert {name: fake_api.requests[0].body[name] for name in period} == period


@pytest.mark.parametrize(
    ("found", "code", "printed"),
    [
        (reconciled("agrees"), 0, "agrees"),
        (reconciled("never_billed"), ExitCode.FAILED, "never billed: --apply releases it"),
        (reconciled("never_billed", released=["call-1"]), 0, "released"),
        (reconciled("differs"), ExitCode.FAILED, "differs"),
        (reconciled("unclear"), ExitCode.FAILED, "perhaps billed: stays counted"),
        (
            reconciled("agrees", unknown=[{"storage_uri": "gs://a/jobs/x", "micros": 400_000}]),
            ExitCode.FAILED,
            "not in the ledger",
        ),
    ],
)
def test_reconcile_prints_each_call_and_exits_with_one_when_something_differs(
    run: Run,
    fake_api: Any,
    answer: Any,
    bill: Path,
    capsys: pytest.CaptureFixture[str],
    found: dict[str, Any],
    code: int,
    printed: str,
) -> None:
    fake_api.on("POST", RECONCILE, answer(200, found))

    assert run("reconcile", "film-3f9a2c", "--bill", str(bill), "--apply") == code

    out = capsys.readouterr().out
    assert printed in out
    assert "$2.40" in out
    assert fake_api.requests[0].body["apply"] is True


def test_reconcile_as_json_prints_each_job_under_its_id(
    run: Run, fake_api: Any, answer: Any, bill: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_api.on("POST", RECONCILE, answer(200, reconciled("agrees")))
    fake_api.on("POST", "/v1/jobs/other/ledger:reconcile", answer(200, reconciled("agrees")))

    assert run("reconcile", "film-3f9a2c", "other", "--bill", str(bill), "--json") == 0

    assert set(json.loads(capsys.readouterr().out)) == {"film-3f9a2c", "other"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("at,model\n", "no column micros or usd"),
        ("model,usd\nx,1\n", "no column at"),
        ("at,model,usd\n", "no lines"),
        ("at,model,usd\nyesterday,veo,1\n", "line 2: Invalid isoformat string"),
        ("at,model,usd\n2026-11-21T10:00:00,veo,1\n", "needs a time zone"),
        ("at,model,usd\n2026-11-21T10:00:00Z,veo,much\n", "line 2"),
        ("at,model,usd\n2026-11-21T10:00:00Z,veo,0.0000001\n", "not a whole number of micro-dollars"),
    ],
)
def test_reconcile_names_the_line_and_sends_nothing_when_the_bill_is_unreadable(
    run: Run, fake_api: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    file = tmp_path / "bill.csv"
    file.write_text(text)

    assert run("reconcile", "film-3f9a2c", "--bill", str(file)) == ExitCode.REFUSED
    printed = capsys.readouterr().err
    assert message in printed
    assert "Fix      A bill is CSV with columns" in printed
    assert fake_api.requests == []


@pytest.mark.parametrize(
    ("status", "body", "printed"),
    [(202, {"id": "film-3f9a2c", "state": "DELETING"}, "DELETING"), (204, b"", "DELETED")],
)
def test_delete_prints_the_state_of_the_deletion(
    run: Run, fake_api: Any, answer: Any, capsys: pytest.CaptureFixture[str], status: int, body: Any, printed: str
) -> None:
    fake_api.on("DELETE", JOB, answer(status, body))

    assert run("delete", "film-3f9a2c", "--yes") == 0
    assert capsys.readouterr().out == f"{printed}\n"


@pytest.mark.parametrize(("typed", "sent"), [("n\n", []), ("", []), ("y\n", [f"DELETE {JOB}"])])
def test_delete_asks_for_confirmation_first(
    run: Run, fake_api: Any, answer: Any, monkeypatch: pytest.MonkeyPatch, typed: str, sent: list[str]
) -> None:
    fake_api.on("DELETE", JOB, answer(202, {"id": "film-3f9a2c", "state": "DELETING"}))
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))

    code = run("delete", "film-3f9a2c")

    assert fake_api.paths() == sent
    assert (code == 0) is bool(sent)


def test_delete_is_repeated_when_its_answer_is_lost(api_client: Any, fake_api: Any, answer: Any) -> None:
    fake_api.on("DELETE", JOB, answer(202, {"state": "DELETING"}, cut_at=3), answer(202, {"state": "DELETING"}))

    assert api_client.delete("film-3f9a2c") == "DELETING"
    assert fake_api.paths() == [f"DELETE {JOB}"] * 2
