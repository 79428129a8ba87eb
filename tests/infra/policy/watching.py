"""What wakes somebody, what a good month is, and the page to look at (facts: rule 26)."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.infra.offline.terraform import ROOT
from tests.infra.policy.plan import NUMBER, Plan, references
from tests.infra.policy.rules import rule

# Google's own metrics that may be looked at, with the resource they belong to.
BUILT_IN = {
    "cloudtasks.googleapis.com/queue/depth": "cloud_tasks_queue",
    "cloudtasks.googleapis.com/queue/task_attempt_count": "cloud_tasks_queue",
    "logging.googleapis.com/log_entry_count": "cloud_scheduler_job",
    "run.googleapis.com/container/instance_count": "cloud_run_revision",
    "workflows.googleapis.com/finished_execution_count": "workflows.googleapis.com/Workflow",
}

# Alert: metric, threshold, for how long, over what, put together how, how grave.
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
    "queue-depth": ("cloudtasks.googleapis.com/queue/depth", 200, "1800s", "300s", "ALIGN_MAX", "WARNING"),
    "sweeper-silent": ("logging.googleapis.com/log_entry_count", 1, "0s", "900s", "ALIGN_DELTA", "CRITICAL"),
}


@rule
def metrics_are_those_of_the_list(plan: Plan) -> Iterator[str]:
    listed = json.loads((plan.infra / "config/metrics.json").read_text(encoding="utf-8"))["metrics"]
    for name, metric in listed.items():
        if any("*" in values and len(values) > 1 for values in metric["match"].values()):
            yield f"metric {name}: '*' is any value, so none needs to be named beside it"
    made = {str(metric.key): metric for metric in plan.of("logging_metric")}
    if made.keys() != listed.keys():
        yield f"metrics: {sorted(made)}, not {sorted(listed)}"
    for name in made.keys() & listed.keys():
        metric, wanted = made[name], listed[name]
        kind = metric.block("metric_descriptor")
        said = {
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
        right = {
            "name": f"promptreel/{name}",
            "filter": filter_text(wanted["match"]),
            "labels": {label: f"EXTRACT(jsonPayload.{field})" for label, field in wanted["labels"].items()},
            "declared": sorted((label, "STRING") for label in wanted["labels"]),
            "value": f"EXTRACT(jsonPayload.{wanted['value']})" if measured else None,
            "kind": ("DELTA", "DISTRIBUTION" if measured else "INT64", wanted.get("unit", "1")),
            "disabled": False,
            "buckets": buckets,
        }
        yield from (f"metric {name}: {part} is {said[part]!r}" for part in right if said[part] != right[part])


@rule
def alerts_wake_somebody_who_can_read_what_to_do(plan: Plan) -> Iterator[str]:
    runbook = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
    anchors = set(re.findall(r'^<a id="([a-z-]+)"></a>', runbook, re.MULTILINE))
    found = {}
    for alert in plan.of("monitoring_alert_policy"):
        name = str(alert.key)
        condition = alert.block("conditions", "condition_threshold")
        aggregation = (condition.get("aggregations") or [{}])[0]
        metric = re.search(r'metric\.type="([^"]+)"', str(condition.get("filter")))
        found[name] = (
            metric and metric[1],
            condition.get("threshold_value"),
            condition.get("duration"),
            aggregation.get("alignment_period"),
            aggregation.get("per_series_aligner"),
            alert.values.get("severity"),
        )
        if alert.values.get("enabled") is not True:
            yield f"{alert.address} sleeps"
        if not str(alert.block("documentation").get("content")).endswith(f"docs/runbook.md#{name}"):
            yield f"{alert.address} does not say what to do"
        if alert.block("documentation").get("mime_type") != "text/markdown":
            yield f"{alert.address}: its text is not shown as it is meant"
        if name not in anchors:
            yield f"docs/runbook.md knows no {name}"
        if alert.block("alert_strategy").get("auto_close") != "86400s" or alert.values.get("combiner") != "OR":
            yield f"{alert.address} never closes"
        if condition.get("comparison") != "COMPARISON_GT" or aggregation.get("cross_series_reducer") != "REDUCE_SUM":
            yield f"{alert.address} compares otherwise"
    if found != ALERTS:
        yield f"alerts: {found}, not {ALERTS}"
    channels = set(references(_expression(plan, "google_monitoring_alert_policy.this", "notification_channels")))
    if "google_monitoring_notification_channel.operators" not in channels:
        yield "alerts have no channel"


@rule
def operators_are_told_by_mail(plan: Plan) -> Iterator[str]:
    for channel in plan.of("monitoring_notification_channel"):
        if channel.values.get("type") != "email" or channel.values.get("labels") != {"email_address": channel.key}:
            yield f"{channel.address}: {channel.values.get('type')} {channel.values.get('labels')}"
        if channel.values.get("enabled") is False:
            yield f"{channel.address} is off"


@rule
def whatever_is_looked_at_exists(plan: Plan) -> Iterator[str]:
    own = {f"logging.googleapis.com/user/{metric.values['name']}" for metric in plan.of("logging_metric")}
    for where, text in _filters(plan):
        metric, kind = re.search(r'metric\.type="([^"]+)"', text), re.search(r'resource\.type="([^"]+)"', text)
        if metric is None or kind is None:
            yield f"{where} names no metric or no resource: {text}"
        elif metric[1] in own:
            if kind[1] != "cloud_run_revision":
                yield f"{where}: our log lines come from cloud_run_revision, not {kind[1]}"
        elif BUILT_IN.get(metric[1]) != kind[1]:
            yield f"{where}: there is no {metric[1]} of {kind[1]}"


@rule
def failures_are_what_is_counted_as_failures(plan: Plan) -> Iterator[str]:
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
def goal_is_that_jobs_end_with_a_film(plan: Plan) -> Iterator[str]:
    (goal,) = plan.of("monitoring_slo")
    ratio = goal.block("request_based_sli", "good_total_ratio")
    said = {
        "goal": goal.values.get("goal"),
        "days": goal.values.get("rolling_period_days"),
        "service": goal.values.get("service"),
        "good": ratio.get("good_service_filter"),
        "total": ratio.get("total_service_filter"),
    }
    logged = 'metric.type="logging.googleapis.com/user/promptreel/{}" AND resource.type="cloud_run_revision"'
    wanted = {
        "goal": 0.95,
        "days": 28,
        "service": "promptreel",
        "good": logged.format("jobs_complete"),
        "total": logged.format("jobs_ended"),
    }
    yield from (f"the goal's {name} is {said[name]!r}" for name in wanted if said[name] != wanted[name])
    (service,) = plan.of("monitoring_custom_service")
    if service.values.get("service_id") != "promptreel":
        yield f"the goal is about {service.values.get('service_id')}"


@rule
def dashboard_can_be_read(plan: Plan) -> Iterator[str]:
    (dashboard,) = plan.of("monitoring_dashboard")
    layout = json.loads(dashboard.values["dashboard_json"])["mosaicLayout"]
    taken: set[tuple[int, int]] = set()
    for tile in layout["tiles"]:
        cells = {(tile["xPos"] + x, tile["yPos"] + y) for x in range(tile["width"]) for y in range(tile["height"])}
        if cells & taken or tile["xPos"] + tile["width"] > layout["columns"]:
            yield f"{tile['widget']['title']!r} covers another chart or leaves the page"
        taken |= cells
    titles = [tile["widget"]["title"] for tile in layout["tiles"]]
    if len(set(titles)) != len(titles) or len(titles) < 8:
        yield f"charts: {titles}"


@rule
def budget_warns_in_time(plan: Plan) -> Iterator[str]:
    (budget,) = plan.of("billing_budget")
    amount = budget.block("amount", "specified_amount")
    said = {
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
        "amount": ("200", "USD"),
        "projects": ([f"projects/{NUMBER}"], "MONTH"),
        "thresholds": [(0.5, "CURRENT_SPEND"), (0.9, "CURRENT_SPEND"), (1, "CURRENT_SPEND"), (1, "FORECASTED_SPEND")],
    }
    yield from (f"the budget's {name}: {said[name]!r}" for name in wanted if said[name] != wanted[name])
    told = set(references(_expression(plan, "google_billing_budget.this", "all_updates_rule")))
    if "google_monitoring_notification_channel.operators" not in told:
        yield "the budget tells nobody"


def filter_text(match: dict[str, list[str]]) -> str:
    """A list entry in Cloud Logging's words."""
    parts = ['resource.type="cloud_run_revision"']
    for field, values in sorted(match.items()):
        if "*" in values:
            parts.append(f"jsonPayload.{field}:*")
        else:
            parts.append(f"jsonPayload.{field}=({' OR '.join(json.dumps(value) for value in values)})")
    return " AND ".join(parts)


def _filters(plan: Plan) -> Iterator[tuple[str, str]]:
    for alert in plan.of("monitoring_alert_policy"):
        yield alert.address, str(alert.block("conditions", "condition_threshold").get("filter"))
    for goal in plan.of("monitoring_slo"):
        for text in goal.block("request_based_sli", "good_total_ratio").values():
            if text:
                yield goal.address, text
    for dashboard in plan.of("monitoring_dashboard"):
        for tile in json.loads(dashboard.values["dashboard_json"])["mosaicLayout"]["tiles"]:
            for data in tile["widget"]["xyChart"]["dataSets"]:
                yield f"chart {tile['widget']['title']!r}", data["timeSeriesQuery"]["timeSeriesFilter"]["filter"]


def _expression(plan: Plan, address: str, name: str) -> Any:
    return plan.configuration[address]["expressions"].get(name, {})
