"""A limit to the micro-dollar, on a whole stack: the exact price suffices, one less stops before anything is drawn."""

from typing import Any

import pytest

from tests.e2e.stack import Stack

FILM: dict[str, Any] = {"scenes": 2, "duration_s": 8, "quality": "draft", "seed": 7}
PROMPT = "A seed falls, a tree stands"


@pytest.fixture(scope="module")
def advised(shared_stack: Stack) -> dict[str, Any]:
    """A job whose budget is the amount that the refusal of a smaller budget named."""
    refused = shared_stack.api("POST", "/v1/jobs", json={"prompt": PROMPT, **FILM, "budget_usd": "0.50"})
    assert (refused.status_code, refused.json()["code"]) == (402, "budget_exceeded")
    amount = refused.json()["remedy"].split("at least ")[1].split(",")[0]
    return shared_stack.wait(shared_stack.submit(PROMPT, **FILM, budget_usd=amount))


def usd(micros: int) -> str:
    return f"{micros / 1_000_000:.6f}"


def test_amount_in_the_refusal_of_a_small_budget_pays_for_the_film(stack: Stack, advised: dict[str, Any]) -> None:
    assert advised["state"] == "COMPLETE", advised["error"]
    assert len(stack.bill(advised["id"])) == len(advised["scenes"]) == 2


def submit_with_wasted_text(stack: Stack, budget_usd: str) -> str:
    """A film of which two storyboards cannot be used, and whose texts report no usage, so that they count at the most.

    No submission counts on it, so that a limit can hold the film as submitted and not as it goes.
    """
    text: dict[str, Any] = {"model": "gemini-3.8-*", "method": "*"}
    stack.vertex("DELETE", "faults")
    stack.vertex("POST", "faults", [{**text, "fault": "usage"}, {**text, "fault": "malformed_json", "nth": [2, 3]}])
    return stack.submit(PROMPT, **FILM, budget_usd=budget_usd)


def test_film_is_made_when_its_limit_is_exact_and_not_when_it_is_one_micro_less(stack: Stack) -> None:
    first = stack.wait(submit_with_wasted_text(stack, "10"))
    calls = stack.ledger(first["id"])["calls"]
    # The most that is spent and reserved at once: the texts as paid, everything else as planned.
    needed = sum(call["cost_micros"] if call["kind"] == "text" else call["reserved_micros"] for call in calls)

    exact = stack.wait(submit_with_wasted_text(stack, usd(needed)))
    stopped = stack.wait(submit_with_wasted_text(stack, usd(needed - 1)))

    assert exact["state"] == "COMPLETE"
    short = stopped["id"]
    assert (stopped["state"], stopped["error"]["code"]) == ("FAILED", "budget_exceeded")
    assert usd(needed)[:-4] in stopped["error"]["remedy"]
    assert [call["purpose"] for call in stack.ledger(short)["calls"]] == ["treatment", *["storyboard"] * 3]

    answer = stack.api("POST", f"/v1/jobs/{short}:resume", json={"budget_usd": usd(needed)})

    assert answer.status_code == 202, answer.text
    assert stack.wait(short)["state"] == "COMPLETE"
    paid = [(call["purpose"], call["attempt"]) for call in stack.ledger(short)["calls"] if call["state"] == "SETTLED"]
    assert len(paid) == len(set(paid)) == len(calls)
    assert len(stack.bill(short)) == 2
