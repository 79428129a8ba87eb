"""Every rule reports each of its failing examples."""

import json
from pathlib import Path

import pytest

from tests.infra.altered_plan import AlteredPlan
from tests.infra.failing_examples import FAILING_EXAMPLES
from tests.infra.policy.all_rules import RULES
from tools.terraform.plan import Plan


def test_every_rule_has_failing_examples() -> None:
    assert set(FAILING_EXAMPLES) == set(RULES)


@pytest.mark.parametrize("name", sorted(FAILING_EXAMPLES))
def test_rule_reports_a_fault_for_each_failing_example(plan: Plan, document: str, tmp_path: Path, name: str) -> None:
    silent = []
    for number, edit in enumerate(FAILING_EXAMPLES[name]):
        altered = AlteredPlan(json.loads(document), plan.infra, tmp_path / str(number))
        edit(altered)
        if not list(RULES[name](Plan(altered.document, altered.infra))):
            silent.append(number)

    assert silent == [], "failing examples that the rule does not report"
