"""Rules about the metrics that alerts, goals and the dashboard query: they exist and are aggregated as they allow."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.infra.policy.rules import rule
from tools.terraform.plan import Plan

# Google's own metrics that may be queried, and the resource of each.
BUILT_IN = {
    "cloudtasks.googleapis.com/queue/depth": "cloud_tasks_queue",
    "cloudtasks.googleapis.com/queue/task_attempt_count": "cloud_tasks_queue",
    "logging.googleapis.com/log_entry_count": "cloud_scheduler_job",
    "run.googleapis.com/container/instance_count": "cloud_run_revision",
    "workflows.googleapis.com/finished_execution_count": "workflows.googleapis.com/Workflow",
}
LOG_BASED = "logging.googleapis.com/user/promptreel/"
# Prefix of the log-based metrics in PromQL, and the resource they come from.
PROMETHEUS = "logging_googleapis_com:user_promptreel_"
FROM_RUN = '{monitored_resource="cloud_run_revision"}'

# The charts of the dashboard: title, the metrics of its series, and the label that splits them.
CHARTS = {
    "Jobs that ended, by state": ({"jobs_ended", "jobs_withdrawn"}, "metric.label.state"),
    "Jobs that failed, by code": ({"jobs_failed"}, "metric.label.code"),
    "Makespan of films (s)": ({"makespan"}, ""),
    "Spend per hour (USD), by model": ({"spend"}, ""),
    "Stuck jobs found by sweeps, by state": ({"jobs_stuck"}, "metric.label.state"),
    "Refusals, by code": ({"refusals"}, "metric.label.code"),
    "Requests for models that end soon, by model": ({"models_ending"}, "metric.label.model"),
    "Veo requests a minute, against the quota": (
        {"cloudtasks.googleapis.com/queue/task_attempt_count"},
        "metric.label.response_code",
    ),
    "Clips waiting for Veo": ({"cloudtasks.googleapis.com/queue/depth"}, "resource.label.queue_id"),
    "Polls": ({"polls"}, "metric.label.outcome"),
    "Errors, by step": ({"steps"}, "metric.label.action"),
}
QUOTA = 50  # Veo requests a minute in the plan


@rule
def every_queried_metric_exists(plan: Plan) -> Iterator[str]:
    own = {f"logging.googleapis.com/user/{metric.values['name']}" for metric in plan.of("logging_metric")}
    for where, text in _filters(plan):
        metric, kind = re.search(r'metric\.type="([^"]+)"', text), re.search(r'resource\.type="([^"]+)"', text)
        if metric is None or kind is None:
            yield f"{where} names no metric or no resource: {text}"
        elif metric[1] in own:
            if kind[1] != "cloud_run_revision":
                yield f"{where}: log lines come from cloud_run_revision, not {kind[1]}"
        elif BUILT_IN.get(metric[1]) != kind[1]:
            yield f"{where}: there is no {metric[1]} of {kind[1]}"


@rule
def queries_sum_measurements_and_count_the_rest(plan: Plan) -> Iterator[str]:
    names = {
        PROMETHEUS + str(metric.key) + ("_sum" if metric.values.get("value_extractor") else "")
        for metric in plan.of("logging_metric")
    }
    for where, text in _queries(plan):
        queried = re.findall(r"([\w]+:[\w]+)(\{[^}]*\})?", text)
        if not queried:
            yield f"{where} queries no metric: {text}"
        for name, source in queried:
            if name not in names:
                yield f"{where}: there is no {name}"
            if source != FROM_RUN:
                yield f"{where}: {name} is of {source or 'any resource'}"


@rule
def series_are_grouped_by_labels_of_their_metric(plan: Plan) -> Iterator[str]:
    metrics = {LOG_BASED + str(metric.key): metric for metric in plan.of("logging_metric")}
    for title, series in _series(plan):
        shown = series.get("timeSeriesFilter")
        if shown is None:
            continue
        found = re.search(r'metric\.type="([^"]+)"', shown["filter"])
        metric, aggregation = metrics.get(found[1] if found else ""), shown["aggregation"]
        if metric is None:
            continue
        labels = {f"metric.label.{name}" for name in metric.values.get("label_extractors") or {}}
        queried = {*aggregation["groupByFields"], *_singular(re.findall(r"metric\.labels\.\w+", shown["filter"]))}
        if queried - labels:
            yield f"{title}: {found and found[1]} has no {sorted(queried - labels)}"
        ways = aggregation["perSeriesAligner"], aggregation["crossSeriesReducer"]
        measured = bool(metric.values.get("value_extractor"))
        if measured != any("PERCENTILE" in way for way in ways):
            yield f"{title}: {ways} of {'measured values' if measured else 'a count'}"


@rule
def dashboard_layout_is_readable(plan: Plan) -> Iterator[str]:
    layout = _layout(plan)
    for index, tile in enumerate(layout["tiles"]):
        if any(_overlap(tile, other) for other in layout["tiles"][:index]):
            yield f"{tile['widget']['title']!r} overlaps another chart"
        if tile["xPos"] + tile["width"] > layout["columns"]:
            yield f"{tile['widget']['title']!r} exceeds the page"
    titles = [tile["widget"]["title"] for tile in layout["tiles"]]
    if len(set(titles)) != len(titles):
        yield f"charts: {titles}"


@rule
def dashboard_has_the_listed_charts(plan: Plan) -> Iterator[str]:
    shown = {tile["widget"]["title"]: tile["widget"]["xyChart"] for tile in _layout(plan)["tiles"]}
    for title, (metrics, label) in CHARTS.items():
        series = [data["timeSeriesQuery"] for data in shown.get(title, {}).get("dataSets", ())]
        found = {_metric(one) for one in series}
        if found != metrics:
            yield f"{title!r} shows {sorted(found)}, not {sorted(metrics)}"
        if label and not all(label in one["timeSeriesFilter"]["aggregation"]["groupByFields"] for one in series):
            yield f"{title!r} is not split by {label}"
    limits = shown.get("Veo requests a minute, against the quota", {}).get("thresholds")
    if limits != [{"value": QUOTA}]:
        yield f"Veo's quota is drawn at {limits}"
    makespan = shown.get("Makespan of films (s)", {}).get("dataSets", ())
    percentiles = [one["timeSeriesQuery"]["timeSeriesFilter"]["aggregation"]["crossSeriesReducer"] for one in makespan]
    if percentiles != ["REDUCE_PERCENTILE_50", "REDUCE_PERCENTILE_95"]:
        yield f"the makespan's percentiles: {percentiles}"
    if 'metric.labels.status!="200"' not in str(shown.get("Errors, by step")).replace("\\", ""):
        yield "errors by step are all steps"
    if "[1h])) / 1e6" not in str(shown.get("Spend per hour (USD), by model")):
        yield "spend is not in dollars per hour"


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(
        one[start] < other[start] + other[length] and other[start] < one[start] + one[length]
        for start, length in (("xPos", "width"), ("yPos", "height"))
    )


def _metric(series: Mapping[str, Any]) -> str:
    """The one metric of a series; a log-based one by its short name."""
    if "prometheusQuery" in series:
        queried = re.search(rf"{PROMETHEUS}(\w+?)(_sum)?\{{", series["prometheusQuery"])
        return queried[1] if queried else ""
    found = re.search(r'metric\.type="([^"]+)"', series["timeSeriesFilter"]["filter"])
    return found[1].removeprefix(LOG_BASED) if found else ""


def _singular(labels: list[str]) -> set[str]:
    """Filters use metric.labels.x, groupings metric.label.x."""
    return {label.replace("metric.labels.", "metric.label.") for label in labels}


def _layout(plan: Plan) -> dict[str, Any]:
    (dashboard,) = plan.of("monitoring_dashboard")
    found: dict[str, Any] = json.loads(dashboard.values["dashboard_json"])["mosaicLayout"]
    return found


def _series(plan: Plan) -> Iterator[tuple[str, dict[str, Any]]]:
    for tile in _layout(plan)["tiles"]:
        for data in tile["widget"]["xyChart"]["dataSets"]:
            yield f"chart {tile['widget']['title']!r}", data["timeSeriesQuery"]


def _filters(plan: Plan) -> Iterator[tuple[str, str]]:
    for alert in plan.of("monitoring_alert_policy"):
        for condition in alert.blocks("conditions"):
            looked_at = (condition.get("condition_threshold") or []) + (condition.get("condition_absent") or [])
            if not condition.get("condition_prometheus_query_language"):
                yield alert.address, str((looked_at or [{}])[0].get("filter"))
    for goal in plan.of("monitoring_slo"):
        for kind in ("good_total_ratio", "distribution_cut"):
            for text in goal.block("request_based_sli", kind).values():
                if isinstance(text, str):
                    yield goal.address, text
    for title, series in _series(plan):
        if "prometheusQuery" not in series:
            yield title, series["timeSeriesFilter"]["filter"]


def _queries(plan: Plan) -> Iterator[tuple[str, str]]:
    for alert in plan.of("monitoring_alert_policy"):
        query = alert.block("conditions", "condition_prometheus_query_language")
        if query:
            yield alert.address, str(query.get("query"))
    for title, series in _series(plan):
        if "prometheusQuery" in series:
            yield title, series["prometheusQuery"]
