"""A limit to the micro-dollar, on a whole stack: the exact price suffices, one less stops before anything is drawn."""

from typing import Any

from tests.e2e.stack import Stack

FILM: dict[str, Any] = {"scenes": 2, "duration_s": 8, "quality": "draft", "seed": 7}


def usd(micros: int) -> str:
    return f"{micros / 1_000_000:.6f}"


def test_film_is_made_when_its_limit_is_exact_and_not_when_it_is_one_micro_less(stack: Stack) -> None:
    generous = stack.submit("A seed falls, a tree stands", **FILM)
    assert stack.wait(generous)["state"] == "COMPLETE"
    calls = stack.ledger(generous)["calls"]
    # The most that is spent and reserved at once: the storyboard as paid, everything else as planned.
    needed = sum(call["cost_micros"] if call["kind"] == "text" else call["reserved_micros"] for call in calls)

    exact = stack.submit("A seed falls, a tree stands", **FILM, budget_usd=usd(needed))
    short = stack.submit("A seed falls, a tree stands", **FILM, budget_usd=usd(needed - 1))

    assert stack.wait(exact)["state"] == "COMPLETE"
    stopped = stack.wait(short)
    assert (stopped["state"], stopped["error"]["code"]) == ("FAILED", "budget_exceeded")
    assert usd(needed)[:-4] in stopped["error"]["remedy"]
    assert [call["purpose"] for call in stack.ledger(short)["calls"]] == ["storyboard"]

    answer = stack.api("POST", f"/v1/jobs/{short}:resume", json={"budget_usd": usd(needed)})

    assert answer.status_code == 202, answer.text
    assert stack.wait(short)["state"] == "COMPLETE"
    paid = [call["purpose"] for call in stack.ledger(short)["calls"] if call["state"] == "SETTLED"]
    assert len(paid) == len(set(paid)) == len(calls)
    assert len(stack.bill(short)) == 2
