"""The registry of rules. A rule takes a plan and yields a sentence for each fault."""

from collections.abc import Callable, Iterator

from tools.terraform.plan import Plan

Rule = Callable[[Plan], Iterator[str]]

RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """Register a rule; its name states what must hold."""
    RULES[check.__name__] = check
    return check
