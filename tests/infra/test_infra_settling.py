"""The stand-in of Google's provider refuses what Google refuses until a metric or grant has propagated."""

from typing import Any

import pytest

from tools.terraform.plan import VARIABLES
from tools.terraform.settling import Cloud
from tools.terraform.terraform import workspace

METRIC = {"name": "promptreel/steps"}
ALERT = {
    "conditions": [{"condition_threshold": [{"filter": 'metric.type="logging.googleapis.com/user/promptreel/steps"'}]}]
}
QUERY = {
    "conditions": [{"condition_prometheus_query_language": [{"query": "logging.googleapis.com/user/promptreel/x"}]}]
}
GRANT = {"member": "serviceAccount:build@p", "role": "roles/storage.objectViewer"}
FUNCTION = {"build_config": [{"service_account": "projects/p/serviceAccounts/build@p"}]}
TRIGGER = {"service_account": "build@p"}


def wait(cloud: Cloud, seconds: int) -> None:
    cloud.apply("time_sleep", None, {"create_duration": f"{seconds}s"})


@pytest.mark.parametrize("kind", ["google_monitoring_alert_policy", "google_monitoring_slo"])
def test_stand_in_refuses_a_filter_when_its_log_metric_is_younger_than_ten_minutes(kind: str) -> None:
    cloud = Cloud()
    assert "404" in cloud.apply(kind, None, ALERT)
    cloud.apply("google_logging_metric", None, METRIC)
    wait(cloud, 599)
    assert "Cannot find metric" in cloud.apply(kind, None, ALERT)
    wait(cloud, 1)

    assert cloud.apply(kind, None, ALERT) == ""


def test_stand_in_accepts_a_query_when_metrics_are_not_validated() -> None:
    assert Cloud().apply("google_monitoring_alert_policy", None, QUERY) == ""


@pytest.mark.parametrize(
    ("kind", "planned"), [("google_cloudfunctions2_function", FUNCTION), ("google_eventarc_trigger", TRIGGER)]
)
def test_stand_in_refuses_a_build_or_trigger_when_its_grants_are_seconds_old(
    kind: str, planned: dict[str, Any]
) -> None:
    cloud = Cloud()
    assert "403" in cloud.apply(kind, None, planned), "nothing is granted"
    cloud.apply("google_project_iam_member", None, GRANT)
    wait(cloud, 59)
    assert "403" in cloud.apply(kind, None, planned)
    wait(cloud, 1)

    assert cloud.apply(kind, None, planned) == ""


def test_one_apply_suffices_when_the_project_is_empty() -> None:
    with workspace() as own:
        own.plan(VARIABLES)
        applied = own.run("apply", "-no-color", "-auto-approve", str(own.folder / "plan.bin"))

    assert applied.code == 0, applied.out
