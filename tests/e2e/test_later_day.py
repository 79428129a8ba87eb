"""On a day after Veo's announced end the same request is filmed by its successor, and the job says so."""

from collections.abc import Iterator

import pytest

from tests.e2e.stack import OMNI, Stack, running

DAY_AFTER_VEO = "2027-05-05"
VEO = "veo-3.1-generate-001"


@pytest.fixture(scope="module")
def later_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("later-stack"), "--date", DAY_AFTER_VEO) as stack:
        yield stack


def test_film_is_made_by_the_successor_at_that_days_prices_when_veo_has_ended(later_stack: Stack) -> None:
    job = later_stack.wait(later_stack.submit("A lighthouse keeper waits for a ship", scenes=2, duration_s=11))

    assert job["state"] == "COMPLETE", job["error"]
    assert job["created"].startswith(DAY_AFTER_VEO)
    assert job["output"]["frames"] == 11 * 24
    chosen = {model["kind"]: model for model in job["models"]}
    assert chosen["video"]["id"] == OMNI
    assert chosen["video"]["reason"] == f"takes the place of {VEO}, whose end was announced for 2027-05-04"
    ledger = later_stack.ledger(job["id"])
    bill = later_stack.bill()
    assert {line["at"][:10] for line in bill} == {DAY_AFTER_VEO}
    assert ledger["totals"]["spent_micros"] == sum(line["micros"] for line in bill)
    texts = {call["purpose"]: call for call in ledger["calls"] if call["kind"] == "text"}
    assert set(texts) == {"treatment", "storyboard"}
    for call in texts.values():
        usage = call["usage"]
        # Text costs twice as much from 2027-01-01 on, rounded up.
        assert call["cost_micros"] == -(-(usage["input"] * 1_500_000 + usage["output"] * 7_500_000) // 1_000_000)
