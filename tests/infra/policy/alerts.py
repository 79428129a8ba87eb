"""Rules about metrics, alerts, goals and the budget; what they query is in queried_metrics.py."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.infra.policy.queried_metrics import FROM_RUN, PROMETHEUS
from tests.infra.policy.rules import rule
from tools.terraform.plan import NUMBER, Plan, references
from tools.terraform.terraform import ROOT

LONGEST_BUDGET_NAME = 60  # characters: Google's limit
LONGEST_ALERT_TEXT = 8000  # of Google's 8,192, so that the anchor below it fits as well

_RUNBOOK = ROOT / "docs/runbook.md"

# Alert: metric, threshold, duration, alignment period, aligner, severity.
ALERTS = {
    "bug": ("logging.googleapis.com/user/promptreel/unexpected_errors", 0, "0s", "300s", "ALIGN_DELTA", "ERROR"),
    "failed-executions": (
        "workflows.googleapis.com/finished_execution_count",
        3,
        "0s",
        "3600s",
        "ALIGN_DELTA",
        "ERROR",
    ),
    "failed-jobs": ("logging.googleapis.com/user/promptreel/jobs_failed", 3, "0s", "3600s", "ALIGN_DELTA", "ERROR"),
    "model-ends": ("logging.googleapis.com/user/promptreel/models_ending", 0, "0s", "86400s", "ALIGN_DELTA", "WARNING"),
    "queue-depth": ("cloudtasks.googleapis.com/queue/depth", 200, "1800s", "300s", "ALIGN_MAX", "WARNING"),
    "stuck": ("logging.googleapis.com/user/promptreel/jobs_stuck", 3, "0s", "3600s", "ALIGN_DELTA", "ERROR"),
    "sweeper-silent": ("logging.googleapis.com/log_entry_count", 3, "0s", "900s", "ALIGN_DELTA", "CRITICAL"),
}

# Alerts on metrics that other resources of the project have too: the label that selects promptreel's.
OWN_LABELS = {
    "failed-executions": 'resource.labels.workflow_id="film"',
    "queue-depth": 'resource.labels.queue_id=one_of("clips", "clips-high")',
    "sweeper-silent": 'resource.labels.job_id="sweep-jobs"',
}

FAILED, ENDED = (f"sum(increase({PROMETHEUS}jobs_{name}{FROM_RUN}[6h]))" for name in ("failed", "ended"))

# Alert: query, duration, severity. The plan's budget is 200 dollars a month.
QUERIES = {
    "failure-rate": (
        f"{FAILED} / {ENDED} > 0.25 and {ENDED} >= 8",
        "0s",
        "ERROR",
    ),
    "spend-rate": (f"sum(increase({PROMETHEUS}spend_sum{FROM_RUN}[1h])) / 1e6 > 20", "0s", "WARNING"),
}

# Goal: its measurement. The seconds are a bound of the metric's buckets.
_LOGGED = 'metric.type="logging.googleapis.com/user/promptreel/{}" AND resource.type="cloud_run_revision"'
GOALS = {
    "jobs": {
        "good_total_ratio": [
            {
                "good_service_filter": _LOGGED.format("jobs_complete"),
                "total_service_filter": _LOGGED.format("jobs_ended"),
                "bad_service_filter": None,
            }
        ]
    },
    "makespan": {
        "distribution_cut": [
            {"distribution_filter": _LOGGED.format("makespan"), "range": [{"max": 1024, "min": None}]},
        ]
    },
}


@rule
def metrics_match_the_list(plan: Plan) -> Iterator[str]:
    listed = json.loads((plan.infra / "config/metrics.json").read_text(encoding="utf-8"))["metrics"]
    for name, metric in listed.items():
        if any("*" in values and len(values) > 1 for values in metric["match"].values()):
            yield f"metric {name}: '*' is any value, so no other value may be listed with it"
    created = {str(metric.key): metric for metric in plan.of("logging_metric")}
    if created.keys() != listed.keys():
        yield f"metrics: {sorted(created)}, not {sorted(listed)}"
    for name in created.keys() & listed.keys():
        metric, wanted = created[name], listed[name]
        kind = metric.block("metric_descriptor")
        actual = {
            "name": metric.values["name"],
            "filter": metric.values["filter"],
            "labels": metric.values.get("label_extractors") or {},
            "declared": sorted((one["key"], one["value_type"]) for one in kind.get("labels") or ()),
            "value": metric.values.get("value_extractor"),
            "kind": (kind.get("metric_kind"), kind.get("value_type"), kind.get("unit")),
            "disabled": bool(metric.values.get("disabled")),
            "buckets": metric.block("bucket_options").get("exponential_buckets"),
        }
        measured = "value" in wanted
        buckets = [{"num_finite_buckets": 24, "growth_factor": 2, "scale": 1}] if measured else None
        expected = {
            "name": f"promptreel/{name}",
            "filter": filter_text(wanted["match"]),
            "labels": {label: f"EXTRACT(jsonPayload.{field})" for label, field in wanted["labels"].items()},
            "declared": sorted((label, "STRING") for label in wanted["labels"]),
            "value": f"EXTRACT(jsonPayload.{wanted['value']})" if measured else None,
            "kind": ("DELTA", "DISTRIBUTION" if measured else "INT64", wanted.get("unit", "1")),
            "disabled": False,
            "buckets": buckets,
        }
        yield from (f"metric {name}: {part} is {actual[part]!r}" for part in expected if actual[part] != expected[part])


@rule
def alerts_are_sent_with_their_runbook_section(plan: Plan) -> Iterator[str]:
    sections = _runbook()
    for alert in plan.of("monitoring_alert_policy"):
        name = str(alert.key)
        if alert.values.get("enabled") is not True:
            yield f"{alert.address} is disabled"
        if name not in sections:
            yield f"docs/runbook.md has no section {name}"
        elif alert.block("documentation").get("content") != f"{sections[name]}\n\n(docs/runbook.md#{name})":
            yield f"{alert.address} does not contain its runbook section"
        if len(sections.get(name, "")) > LONGEST_ALERT_TEXT:
            yield f"{alert.address} is longer than an alert may be"
        if alert.block("documentation").get("mime_type") != "text/markdown":
            yield f"{alert.address}: its text is not shown as Markdown"
        if alert.block("alert_strategy").get("auto_close") != "86400s" or alert.values.get("combiner") != "OR":
            yield f"{alert.address} never closes"
    channels = set(references(_expression(plan, "google_monitoring_alert_policy.this", "notification_channels")))
    if "local.channels" not in channels:
        yield "alerts have no channel"


@rule
def alert_conditions_match_the_list(plan: Plan) -> Iterator[str]:
    found: dict[str, tuple[object, ...]] = {}
    for alert in plan.of("monitoring_alert_policy"):
        name, severity = str(alert.key), alert.values.get("severity")
        query = alert.block("conditions", "condition_prometheus_query_language")
        if query:
            found[name] = (query.get("query"), query.get("duration"), severity)
            if query.get("evaluation_interval") != "300s" or query.get("disable_metric_validation") is not True:
                yield f"{alert.address} is evaluated too seldom, or cannot be created before its first log line"
            continue
        condition = alert.block("conditions", "condition_threshold")
        aggregation = (condition.get("aggregations") or [{}])[0]
        metric = re.search(r'metric\.type="([^"]+)"', str(condition.get("filter")))
        found[name] = (
            metric and metric[1],
            condition.get("threshold_value"),
            condition.get("duration"),
            aggregation.get("alignment_period"),
            aggregation.get("per_series_aligner"),
            severity,
        )
        if condition.get("comparison") != "COMPARISON_GT" or aggregation.get("cross_series_reducer") != "REDUCE_SUM":
            yield f"{alert.address} has another comparison or reducer"
    listed = {**ALERTS, **QUERIES}
    for name in sorted(found.keys() | listed.keys()):
        if found.get(name) != listed.get(name):
            yield f"alert {name}: {found.get(name)}, not {listed.get(name)}"


@rule
def operators_are_notified_by_mail(plan: Plan) -> Iterator[str]:
    for channel in plan.of("monitoring_notification_channel"):
        if channel.values.get("type") != "email" or channel.values.get("labels") != {"email_address": channel.key}:
            yield f"{channel.address}: {channel.values.get('type')} {channel.values.get('labels')}"
        if channel.values.get("enabled") is False:
            yield f"{channel.address} is off"


@rule
def failure_alerts_count_only_failures(plan: Plan) -> Iterator[str]:
    alerts = {
        alert.key: str(alert.block("conditions", "condition_threshold").get("filter"))
        for alert in plan.of("monitoring_alert_policy")
    }
    for name, condition in (
        ("failed-executions", 'metric.labels.status="FAILED"'),
        ("sweeper-silent", 'metric.labels.severity="ERROR"'),
    ):
        if not alerts.get(name, "").endswith(f" AND {condition}"):
            yield f"{name}: {alerts.get(name)}"


@rule
def alerts_count_only_promptreels_resources(plan: Plan) -> Iterator[str]:
    for alert in plan.of("monitoring_alert_policy"):
        text = str(alert.block("conditions", "condition_threshold").get("filter", ""))
        label = OWN_LABELS.get(str(alert.key))
        if (label or "resource.labels") not in text and "user/promptreel/" not in text and text:
            yield f"{alert.address} counts what is not promptreel's: {text}"


@rule
def alert_fires_when_the_sweeper_does_not_run(plan: Plan) -> Iterator[str]:
    absences = [
        (str(alert.key), condition.get("filter"), condition.get("duration"))
        for alert in plan.of("monitoring_alert_policy")
        for one in alert.blocks("conditions")
        for condition in one.get("condition_absent") or ()
    ]
    wanted = f'{_LOGGED.format("steps")} AND metric.labels.action="sweep_jobs"'
    if absences != [("sweeper-silent", wanted, "1800s")]:
        yield f"a silent sweeper is reported by {absences}"


@rule
def goals_measure_success_and_makespan(plan: Plan) -> Iterator[str]:
    goals = {goal.name: goal for goal in plan.of("monitoring_slo")}
    if goals.keys() != GOALS.keys():
        yield f"goals: {sorted(goals)}, not {sorted(GOALS)}"
    for name in goals.keys() & GOALS.keys():
        values = goals[name].values
        actual = (values.get("goal"), values.get("rolling_period_days"), values.get("service"))
        if actual != (0.95, 28, "promptreel"):
            yield f"the goal {name} is {actual}"
        measured = {key: value for key, value in goals[name].block("request_based_sli").items() if value}
        if measured != GOALS[name]:
            yield f"the goal {name} is measured by {measured}"
    (service,) = plan.of("monitoring_custom_service")
    if service.values.get("service_id") != "promptreel":
        yield f"the goals belong to {service.values.get('service_id')}"


@rule
def budget_warns_in_time(plan: Plan) -> Iterator[str]:
    (budget,) = plan.of("billing_budget")
    amount = budget.block("amount", "specified_amount")
    actual = {
        "account": budget.values.get("billing_account"),
        "amount": (amount.get("units"), amount.get("currency_code")),
        "projects": (
            budget.block("budget_filter").get("projects"),
            budget.block("budget_filter").get("calendar_period"),
        ),
        "thresholds": sorted(
            (one["threshold_percent"], one.get("spend_basis")) for one in budget.blocks("threshold_rules")
        ),
    }
    wanted = {
        "account": "0A1B2C-3D4E5F-6A7B8C",
        "amount": ("200", None),  # no code: the billing account's currency
        "projects": ([f"projects/{NUMBER}"], "MONTH"),
        "thresholds": [(0.5, "CURRENT_SPEND"), (0.9, "CURRENT_SPEND"), (1, "CURRENT_SPEND"), (1, "FORECASTED_SPEND")],
    }
    yield from (f"the budget's {name}: {actual[name]!r}" for name in wanted if actual[name] != wanted[name])
    name = str(budget.values.get("display_name"))
    if not name.endswith("docs/runbook.md#budget") or len(name) > LONGEST_BUDGET_NAME or "budget" not in _runbook():
        yield f"the budget's name lacks its runbook section: {name}"
    notified = set(references(_expression(plan, "google_billing_budget.this", "all_updates_rule")))
    if "local.channels" not in notified:
        yield "the budget notifies no channel"


def _runbook() -> dict[str, str]:
    """The runbook's sections: the anchor that links to each, and its text without the heading."""
    _, *parts = re.split(r'^<a id="([a-z-]+)"></a>\n## .*\n', _RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def filter_text(match: dict[str, list[str]]) -> str:
    """The Cloud Logging filter of a metric in config/metrics.json."""
    parts = ['resource.type="cloud_run_revision"']
    for field, values in sorted(match.items()):
        if "*" in values:
            parts.append(f"jsonPayload.{field}:*")
        else:
            parts.append(f"jsonPayload.{field}=({' OR '.join(json.dumps(value) for value in values)})")
    return " AND ".join(parts)


def _expression(plan: Plan, address: str, name: str) -> Any:
    return plan.configuration[address]["expressions"].get(name, {})
