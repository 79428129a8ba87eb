"""Every rule is broken, once for each thing that it says: a rule that cannot fail guards nothing (H4)."""

import json
from pathlib import Path

import pytest

from tests.infra.breaks import BREAKS
from tests.infra.draft import Draft
from tests.infra.policy.everything import RULES
from tests.infra.policy.plan import Plan


def test_every_rule_then_has_a_way_to_be_broken() -> None:
    assert set(BREAKS) == set(RULES)


@pytest.mark.parametrize("name", sorted(BREAKS))
def test_rule_when_broken_then_speaks(plan: Plan, document: str, tmp_path: Path, name: str) -> None:
    silent = []
    for number, spoil in enumerate(BREAKS[name]):
        draft = Draft(json.loads(document), plan.infra, tmp_path / str(number))
        spoil(draft)
        if not list(RULES[name](Plan(draft.document, draft.infra))):
            silent.append(number)

    assert silent == [], "of the ways to break it; of the plan itself it says nothing: test_infra_policy"
