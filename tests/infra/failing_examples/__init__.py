"""Failing examples of each rule: for every fault it reports, a change of the plan that it must report."""

from tests.infra.failing_examples import monitoring, serving

FAILING_EXAMPLES = {**serving.FAILING_EXAMPLES, **monitoring.FAILING_EXAMPLES}
