"""The ledger as a table: the same rows and totals, and nothing that a spreadsheet calculates."""

import csv
import io

import pytest
from flask.testing import FlaskClient

from promptreel.http import responses
from promptreel.http.ledger_csv import COLUMNS, write_csv
from promptreel.ports.storage import Create
from tests.factories import a_call, a_job
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import bearer


def read_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_ledger_is_a_table_when_the_caller_accepts_csv(http: FlaskClient, world: FakeServices) -> None:
    calls = [a_call("c1", state="SETTLED", cost_micros=1_250_000), a_call("c2", state="SENT", reserved_micros=70)]
    world.jobs.write(Create("job-1", a_job()), *(Create("job-1", call) for call in calls))

    answer = http.get("/v1/jobs/job-1/ledger", headers={**bearer(), "Accept": "text/csv"})
    ledger = http.get("/v1/jobs/job-1/ledger", headers=bearer()).get_json()

    rows = read_rows(answer.text)
    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="ledger-job-1.csv"'
    assert answer.headers["Vary"] == "Accept"
    assert tuple(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == [call["id"] for call in ledger["calls"]]
    totals = ledger["totals"]
    assert sum(int(row["counted_micros"]) for row in rows) == totals["reserved_micros"] + totals["spent_micros"]
    assert rows[0]["counted_usd"] == "1.25"


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html,*/*;q=0.8", "text/csv;q=0.5, application/json"]
)
def test_ledger_is_json_when_the_caller_does_not_prefer_csv(
    http: FlaskClient, world: FakeServices, accept: str
) -> None:
    world.jobs.write(Create("job-1", a_job()))

    answer = http.get("/v1/jobs/job-1/ledger", headers={**bearer(), "Accept": accept})

    assert answer.get_json()["calls"] == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_cell_is_text_when_a_spreadsheet_would_calculate_it(start: str) -> None:
    call = a_call("c1", state="RELEASED", reason=f'{start}HYPERLINK("https://x.test";"a")')

    (row,) = read_rows(write_csv(responses.ledger_detail(a_job(), [call])))

    assert row["reason"] == f"'{call.reason}"


def test_cell_is_read_as_it_was_when_it_holds_quotes_commas_and_lines() -> None:
    reason = 'The model said "no", and\r\nthen; nothing — ü'

    (row,) = read_rows(write_csv(responses.ledger_detail(a_job(), [a_call("c1", reason=reason, codes=("a", "b"))])))

    assert (row["reason"], row["codes"]) == (reason, "a b")
