"""All rules: importing their modules registers them."""

from tests.infra.policy import (
    access,
    alerts,
    configuration,
    data,
    operations,
    orchestration,
    propagation,
    queried_metrics,
    services,
)
from tests.infra.policy.rules import RULES
from tools.terraform.plan import Plan

MODULES = (access, alerts, configuration, data, operations, orchestration, propagation, queried_metrics, services)

__all__ = ["RULES", "faults"]


def faults(plan: Plan) -> dict[str, list[str]]:
    """The faults that each rule reports, without the rules that report none."""
    return {name: reported for name, check in RULES.items() if (reported := list(check(plan)))}
