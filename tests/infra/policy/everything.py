"""All rules, gathered: importing a module of rules is what enters them."""

from tests.infra.policy import (
    access,
    configuration,
    data,
    looking,
    operations,
    orchestration,
    running,
    waiting,
    watching,
)
from tests.infra.policy.plan import NothingToJudge, Plan
from tests.infra.policy.rules import RULES, Rule

MODULES = (access, configuration, data, looking, operations, orchestration, running, waiting, watching)

__all__ = ["RULES", "faults"]


def faults(plan: Plan) -> dict[str, list[str]]:
    """What each broken rule says."""
    found = {name: _said(check, plan) for name, check in RULES.items()}
    return {name: said for name, said in found.items() if said}


def _said(check: Rule, plan: Plan) -> list[str]:
    """A rule that stumbles over what it finds is as red as one that speaks."""
    try:
        return list(check(plan))
    except (AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError, NothingToJudge) as error:
        return [f"cannot be judged: {error!r}"]
