"""A short chaos run: few films, a dozen kills, faults of every sort, a deployment that changes: every invariant holds.

The long run is ``python -m tests.chaos``; what is checked is in docs/invariants.md.
"""

from pathlib import Path

import pytest

from tests.chaos import faults, plan
from tests.chaos.run import Terms, carry_out

SEED = 1352  # a film of each backend; one scene of 7 s from 8 s of Veo, one job cancelled, one tight limit
LIMIT_S = 480.0  # a kill may still come between a clip's request and its answer: then its whole window is waited for


@pytest.mark.timeout(LIMIT_S + 120)
def test_every_invariant_holds_when_programs_are_killed_and_calls_fail(tmp_path: Path) -> None:
    drawn = plan.draw(
        SEED,
        jobs=3,
        kills=12,
        minutes=0.2,
        targets=plan.QUICK_TARGETS,
        boundaries=plan.QUICK_BOUNDARIES,
        most_scenes=2,
        moments=plan.QUICK_MOMENTS,
        retirable=["veo-3.1-fast-*"],
    )

    outcome = carry_out(
        drawn,
        Terms(3, faults.quick_rules(), limit_s=LIMIT_S, restarted=plan.QUICK_TARGETS, boundary_within_s=LIMIT_S),
        tmp_path,
    )

    assert not outcome.broken, "\n".join([f"seed {SEED}", *outcome.broken, outcome.history.tail()])
    assert {submission.state for submission in outcome.evidence.submissions} == {"COMPLETE"}
    assert outcome.killer.made >= 6  # the last ones may find every film finished
    assert outcome.killer.at_boundaries > 0
    assert sorted(outcome.changes.made) == ["documents", "retirement", "templates"]
    assert outcome.evidence.faults_seen.keys() >= {
        "malformed_json",
        "usage",
        "reset_after",
        "status",
        "op_lost",
        "usage_missing",
        "replicate reset_after",
        "replicate rai",
        "replicate ignored_last_frame",
        "replicate reset_before",
    }
