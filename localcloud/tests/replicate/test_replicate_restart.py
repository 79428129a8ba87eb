"""A stand-in that is killed loses nothing, as the service would not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.tests import loopback
from localcloud.tests.harness import Worker
from localcloud.tests.loopback import free_port
from localcloud.tests.replicate.harness import FakeReplicate
from localcloud.tests.waiting import eventually

Stopped = Callable[[], FakeReplicate]


@pytest.fixture
def stopped(tmp_path: Path) -> Stopped:
    """A stand-in on a state folder of its own, not started yet; each further one continues where the last ended."""
    port = free_port()
    return lambda: FakeReplicate(port, ("--state-dir", str(tmp_path / "state")))


def test_prediction_goes_on_after_the_restart_when_the_process_is_killed(stopped: Stopped) -> None:
    with stopped().started() as replicate:
        replicate.control("POST", "profile", {"latency_s": {"*": 3}})
        created = replicate.create().json()
        replicate.reaches(created["id"], "processing")
        replicate.kill()
    with stopped().started() as replicate:
        done = replicate.ended(created["id"])
        assert (done["status"], done["created_at"]) == ("succeeded", created["created_at"])
        assert loopback.get(done["output"]).status_code == 200
        assert replicate.bills() == [("delivered", 4 * 400_000)]


def test_ended_predictions_files_orders_and_secret_are_kept_when_the_process_is_killed(stopped: Stopped) -> None:
    with stopped().started() as replicate:
        done = replicate.ended(replicate.create().json()["id"])
        replicate.control("POST", "profile", {"quota_per_min": {"*": 0}})
        replicate.control("POST", "credit", {"micros": 9_000_000})
        replicate.break_with("status", nth=[9])
        secret = replicate.ask("GET", "webhooks/default/secret").json()
        rules = replicate.control("GET", "faults")
        ledger = replicate.ledger()
        replicate.kill()
    with stopped().started() as replicate:
        assert replicate.control("GET", "faults") == rules
        assert replicate.state(done["id"]) == done
        assert loopback.get(done["output"]).status_code == 200
        assert replicate.ask("GET", "webhooks/default/secret").json() == secret
        assert replicate.control("GET", "credit") == {"micros": 9_000_000}
        assert replicate.create().status_code == 429
        assert replicate.ledger() == ledger


def test_webhook_is_sent_after_the_restart_when_the_process_is_killed_before_it_was_taken(
    stopped: Stopped, receiver: Worker
) -> None:
    receiver.open.clear()
    with stopped().started() as replicate:
        replicate.break_with("failed")
        replicate.ended(replicate.create(webhook=receiver.url).json()["id"])
        eventually(lambda: receiver.received)
        replicate.kill()
    receiver.open.set()
    with stopped().started():
        eventually(lambda: len(receiver.received) >= 2)

    first, second = receiver.received[:2]
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
