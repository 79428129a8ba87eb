"""All rules by name. A rule looks at a plan and says in sentences what is wrong; silence is consent."""

from collections.abc import Callable, Iterator

from tests.infra.policy.plan import Plan

Rule = Callable[[Plan], Iterator[str]]

RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """Decorates a rule; its name says what holds."""
    RULES[check.__name__] = check
    return check
