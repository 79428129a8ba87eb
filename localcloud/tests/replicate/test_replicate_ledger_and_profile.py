"""The control surface: bills to the micro-dollar, latencies on order, orders that make no sense."""

import csv
import time
from datetime import datetime
from typing import Any

import pytest

from localcloud.tests import loopback
from localcloud.tests.replicate.harness import KLING, VEO, FakeReplicate


@pytest.mark.parametrize(
    ("model", "given", "micros"),
    [
        (VEO, {"duration": 6, "resolution": "720p"}, 6 * 400_000),
        (VEO, {"duration": 6, "resolution": "720p", "generate_audio": False}, 6 * 200_000),
        (VEO, {}, 8 * 400_000),
        (KLING, {"start_image": "https://example.com/a.png", "duration": 3, "mode": "standard",
                 "generate_audio": False}, 3 * 84_000),
        (KLING, {"start_image": "https://example.com/a.png"}, 15 * 168_000),
    ],
)  # fmt: skip
def test_success_costs_its_seconds_times_the_price_and_unnamed_inputs_the_dearest_when_billed(
    replicate: FakeReplicate, model: str, given: dict[str, Any], micros: int
) -> None:
    replicate.break_with("output_missing")
    replicate.ended(replicate.create(model, input={"prompt": "A boat", **given}).json()["id"])

    assert replicate.bills() == [("delivered", micros)]


def test_ledger_has_every_field_and_costs_nothing_yet_when_a_prediction_is_accepted(replicate: FakeReplicate) -> None:
    replicate.break_with("cold_start")
    created = replicate.create().json()

    (entry,) = replicate.ledger()
    assert datetime.fromisoformat(entry.pop("at")).tzinfo is not None
    assert entry == {
        "n": 1,
        "model": VEO,
        "method": "models.predictions.create",
        "micros": 0,
        "operation": created["id"],
        "outcome": "delivered",
    }


@pytest.mark.parametrize(
    ("fault", "status", "micros"), [("cold_start", "starting", 0), ("never_done", "processing", 1_600_000)]
)
def test_canceled_prediction_costs_its_price_only_if_it_had_started_when_billed(
    replicate: FakeReplicate, fault: str, status: str, micros: int
) -> None:
    replicate.break_with(fault)
    created = replicate.create().json()
    replicate.reaches(created["id"], status)
    replicate.ask("POST", f"predictions/{created['id']}/cancel")

    assert replicate.bills() == [("canceled", micros)]


def test_aborted_prediction_is_free_when_billed(replicate: FakeReplicate) -> None:
    replicate.control("POST", "profile", {"time_scale": 0.01})
    replicate.break_with("cold_start")
    replicate.ended(replicate.create(headers={"Cancel-After": "10"}).json()["id"])

    assert replicate.bills() == [("aborted", 0)]


def test_ledger_says_the_same_line_by_line_when_asked_for_as_csv(replicate: FakeReplicate) -> None:
    replicate.break_with("output_missing")
    for _ in range(2):
        replicate.ended(replicate.create().json()["id"])

    lines = list(csv.DictReader(loopback.get(f"{replicate.url}/_local/ledger.csv").text.splitlines()))

    assert lines == [{name: str(value) for name, value in entry.items()} for entry in replicate.ledger()]
    assert len(lines) == 2


def test_latency_is_taken_times_the_scale_when_the_profile_sets_it(replicate: FakeReplicate) -> None:
    replicate.control("POST", "profile", {"latency_s": {"google/*": [10, 10]}, "time_scale": 0.1})
    replicate.break_with("failed")
    before = time.monotonic()
    replicate.ended(replicate.create().json()["id"])

    assert time.monotonic() - before >= 1.0


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("profile", {"speed": 2}),
        ("profile", []),
        ("faults", {"fault": "status"}),
        ("faults", [{"fault": "op_lost"}]),
        ("faults", [{"fault": "status", "nht": [1]}]),
        ("credit", {"micros": 0.5}),
        ("credit", {}),
    ],
)
def test_order_is_refused_and_changes_nothing_when_it_makes_no_sense(
    replicate: FakeReplicate, path: str, order: object
) -> None:
    answer = loopback.post(f"{replicate.url}/_local/{path}", json=order)

    assert answer.status_code == 400
    assert replicate.control("GET", "faults")["rules"] == []
    assert replicate.control("GET", "credit") == {"micros": None}


def test_everything_is_forgotten_but_the_signing_secret_when_reset(replicate: FakeReplicate) -> None:
    secret = replicate.ask("GET", "webhooks/default/secret").json()
    replicate.control("POST", "credit", {"micros": 0})
    replicate.control("POST", "credit", {"micros": None})
    replicate.break_with("never_done")
    created = replicate.create().json()
    replicate.control("POST", "reset")

    assert (replicate.ledger(), replicate.control("GET", "faults")) == ([], {"rules": [], "happened": {}})
    assert replicate.ask("GET", f"predictions/{created['id']}").status_code == 404
    assert replicate.ask("GET", "predictions").json()["results"] == []
    assert replicate.ask("GET", "webhooks/default/secret").json() == secret
