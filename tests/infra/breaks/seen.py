"""Breaks of the rules about what is seen and configured (configuration, looking, operations, watching)."""

from tests.infra.draft import GONE, Edit, added, packed, page, to

API = 'google_cloudfunctions2_function.this["api"]'
DATABASE = "google_firestore_database.this"
PAGE = "google_monitoring_dashboard.this"
ALERT = 'google_monitoring_alert_policy.this["bug"]'
RATE = 'google_monitoring_alert_policy.this["spend-rate"]'
STUCK = 'google_monitoring_alert_policy.this["stuck"]'
QUEUED = 'google_monitoring_alert_policy.this["queue-depth"]'
SILENT = 'google_monitoring_alert_policy.this["sweeper-silent"]'
QUERY = "conditions.condition_prometheus_query_language"
JOBS, MAKESPAN = "google_monitoring_slo.jobs", "google_monitoring_slo.makespan"
IMAGES = "google_artifact_registry_repository.images"

BREAKS: dict[str, list[Edit]] = {
    "apis_are_those_that_are_needed_and_stay_on": [
        lambda draft: draft.drop('google_project_service.this["run.googleapis.com"]'),
        to('google_project_service.this["run.googleapis.com"]', "disable_on_destroy", value=True),
        added("project_service", service="compute.googleapis.com", disable_on_destroy=False),
    ],
    "everything_waits_for_its_api": [lambda draft: draft.configured(DATABASE).pop("depends_on")],
    "everything_is_labelled": [
        to(API, "effective_labels", {}),
        to(ALERT, "user_labels", None),
        to(JOBS, "user_labels", {"app": "promptreel"}),
        lambda draft: draft.provider("default_labels", GONE),
    ],
    "budgets_are_asked_for_in_this_projects_name": [
        lambda draft: draft.provider("user_project_override", value=False),
        lambda draft: draft.provider("project", "other"),
    ],
    "logs_are_kept_for_a_month": [
        to("google_logging_project_bucket_config.default", "retention_days", 1),
        to("google_logging_project_bucket_config.default", "locked", value=True),
    ],
    "metrics_are_those_of_the_list": [
        to('google_logging_metric.this["polls"]', "filter", 'resource.type="cloud_run_revision"'),
        to('google_logging_metric.this["step_duration"]', "metric_descriptor.value_type", "INT64"),
        to('google_logging_metric.this["steps"]', "label_extractors", {}),
        to('google_logging_metric.this["steps"]', "disabled", value=True),
        lambda draft: draft.drop('google_logging_metric.this["polls"]'),
    ],
    "alerts_wake_somebody_who_can_read_what_to_do": [
        to(ALERT, "enabled", value=False),
        to(ALERT, "documentation.content", ""),
        to(ALERT, "documentation.content", "(docs/runbook.md#bug)"),
        to(ALERT, "documentation.mime_type", "text/plain"),
        to(ALERT, "alert_strategy", []),
        to(RATE, "documentation", []),
        to(STUCK, "enabled", value=False),
        lambda draft: draft.configured("google_monitoring_alert_policy.this")["expressions"].pop(
            "notification_channels"
        ),
    ],
    "alerts_wake_for_what_is_listed_and_for_nothing_less": [
        to(ALERT, "conditions.condition_threshold.threshold_value", 1000),
        to(ALERT, "conditions.condition_threshold.comparison", "COMPARISON_LT"),
        to(STUCK, "conditions.condition_threshold.threshold_value", 4),
        to(STUCK, "conditions.condition_threshold.filter", 'metric.type="x" AND resource.type="cloud_run_revision"'),
        to(STUCK, "severity", "WARNING"),
        to(RATE, f"{QUERY}.query", "sum(increase(x[1h])) / 1e6 > 2000"),
        to(RATE, f"{QUERY}.duration", "86400s"),
        to(RATE, f"{QUERY}.evaluation_interval", "86400s"),
        to(RATE, f"{QUERY}.disable_metric_validation", value=False),
        lambda draft: draft.drop(ALERT),
        lambda draft: draft.drop(RATE),
    ],
    "operators_are_told_by_mail": [
        to("google_monitoring_notification_channel.operators[*", "labels", {}),
        to("google_monitoring_notification_channel.operators[*", "enabled", value=False),
    ],
    "whatever_is_looked_at_exists": [
        to(ALERT, "conditions.condition_threshold.filter", 'metric.type="x" AND resource.type="cloud_run_revision"'),
        to(ALERT, "conditions.condition_threshold.filter", "no metric at all"),
        to(MAKESPAN, "request_based_sli.distribution_cut.distribution_filter", "no metric at all"),
        to(
            ALERT,
            "conditions.condition_threshold.filter",
            'metric.type="logging.googleapis.com/user/promptreel/polls" AND resource.type="global"',
        ),
    ],
    "failures_are_what_is_counted_as_failures": [
        to(
            'google_monitoring_alert_policy.this["failed-executions"]',
            "conditions.condition_threshold.filter",
            'metric.type="x" AND metric.labels.status="SUCCEEDED"',
        )
    ],
    "alerts_are_about_promptreel_alone": [
        to(
            QUEUED,
            "conditions.condition_threshold.filter",
            'metric.type="cloudtasks.googleapis.com/queue/depth" AND resource.type="cloud_tasks_queue"',
        ),
        to(SILENT, "conditions.0.condition_threshold.filter", 'metric.type="logging.googleapis.com/log_entry_count"'),
    ],
    "sweeper_that_does_not_run_at_all_is_noticed": [
        to(SILENT, "conditions.1"),
        to(SILENT, "conditions.1.condition_absent.duration", "84600s"),
        to(SILENT, "conditions.1.condition_absent.filter", 'metric.type="x"'),
    ],
    "alerts_and_goals_wait_until_their_metrics_are_known": [
        to("time_sleep.log_metrics", "create_duration", "60s"),
        to("time_sleep.log_metrics", "triggers", None),
        lambda draft: draft.configured("google_monitoring_alert_policy.this").pop("depends_on"),
        lambda draft: draft.configured("google_monitoring_slo.makespan").pop("depends_on"),
    ],
    "builds_and_triggers_wait_until_their_grants_have_spread": [
        to("time_sleep.grants", "create_duration", "30s"),
        lambda draft: draft.configured("google_cloudfunctions2_function.this").pop("depends_on"),
        lambda draft: draft.configured("google_eventarc_trigger.this").pop("depends_on"),
        lambda draft: draft.configured("time_sleep.grants").pop("depends_on"),
    ],
    "sweeper_is_called_only_when_it_exists": [
        lambda draft: draft.configured("google_cloud_scheduler_job.this").pop("depends_on"),
    ],
    "goals_are_that_jobs_end_with_a_film_and_soon": [
        to(JOBS, "goal", 0.5),
        to(MAKESPAN, "rolling_period_days", 1),
        to(JOBS, "request_based_sli.good_total_ratio.good_service_filter", "x"),
        to(MAKESPAN, "request_based_sli.distribution_cut.range.max", 86400),
        to("google_monitoring_custom_service.this", "service_id", "other"),
        lambda draft: draft.drop(MAKESPAN),
    ],
    "queries_ask_for_sums_of_what_is_measured_and_counts_of_the_rest": [
        to(RATE, f"{QUERY}.query", "1 > 0"),
        to(RATE, f"{QUERY}.query", 'a_b:user_promptreel_spend_sum{monitored_resource="cloud_run_revision"}'),
        page("user_promptreel_spend_sum", "user_promptreel_spend"),
        page(r"{monitored_resource=\"cloud_run_revision\"}", ""),
    ],
    "series_are_split_by_labels_that_their_metric_has": [
        page('"metric.label.code"', '"metric.label.colour"'),
        page("metric.labels.status", "metric.labels.state"),
        page("REDUCE_PERCENTILE_50", "REDUCE_SUM"),
    ],
    "dashboard_can_be_read": [
        page('"xPos":24', '"xPos":0'),
        page('"columns":48', '"columns":47'),
        page('"title":"Polls"', '"title":"Refusals, by code"'),
    ],
    "dashboard_shows_what_operators_ask": [
        to(PAGE, "dashboard_json", '{"mosaicLayout": {"columns": 48, "tiles": []}}'),
        page("promptreel/jobs_withdrawn", "promptreel/jobs_ended"),
        page('"metric.label.outcome"', '"metric.label.state"'),
        page('"value":50', '"value":500'),
        page("REDUCE_PERCENTILE_95", "REDUCE_PERCENTILE_99"),
        page("metric.labels.status!=", "metric.labels.status="),
        page("[1h])) / 1e6", "[1d])) / 1e6"),
    ],
    "budget_warns_in_time": [
        to("google_billing_budget.this[*", "threshold_rules", []),
        to("google_billing_budget.this[*", "display_name", "promptreel"),
        to("google_billing_budget.this[*", "amount.specified_amount.units", "20000"),
        to("google_billing_budget.this[*", "amount.specified_amount.currency_code", "USD"),
        to("google_billing_budget.this[*", "budget_filter.projects", ["projects/promptreel-test"]),
        lambda draft: draft.configured("google_billing_budget.this")["expressions"].pop("all_updates_rule"),
    ],
    "old_images_are_removed_and_new_ones_stay": [
        to(IMAGES, "cleanup_policies", []),
        to(IMAGES, "cleanup_policy_dry_run", value=True),
        to(IMAGES, "docker_config.immutable_tags", value=True),
        lambda draft: draft.drop(IMAGES),
    ],
    "versions_are_pinned": [
        lambda draft: draft.rewrite("versions.tf", r"~> 8\.7", ">= 3.0"),
        lambda draft: draft.rewrite("versions.tf", r'required_version = ".*"', ""),
    ],
    "state_is_kept_in_a_bucket_that_is_named_at_init": [
        lambda draft: draft.rewrite("versions.tf", r'prefix = "promptreel"', 'prefx = "promptreel"'),
        lambda draft: draft.rewrite(
            "versions.tf", r'prefix = "promptreel"', 'prefix = "promptreel"\n    bucket = "mine"'
        ),
    ],
    "every_variable_says_what_it_is": [
        lambda draft: draft.rewrite("variables.tf", r"type += list\(string\)", ""),
        lambda draft: draft.rewrite("variables.tf", r"description = .*", ""),
        lambda draft: draft.rewrite("variables.tf", r"default += null", ""),
        lambda draft: draft.rewrite("variables.tf", r"validation \{", "nothing {"),
    ],
    "source_is_the_functions_folder_and_nothing_else": [
        lambda draft: draft.configured("data.archive_file.functions")["expressions"].pop("output_file_mode"),
        lambda draft: draft.configured("data.archive_file.functions")["expressions"].pop("excludes"),
        lambda draft: packed(draft.copy() / "build/functions.zip", "tests/test_main.py"),
        to("google_storage_bucket_object.functions", "name", "functions.zip"),
        to("google_storage_bucket_object.functions", "source", "./functions.zip"),
        to(API, "build_config.source.storage_source.object", "other.zip"),
    ],
    "variables_of_the_environment_that_are_named_exist": [
        lambda draft: draft.rewrite("outputs.tf", "PROMPTREEL_API", "PROMPTREEL_URL"),
    ],
    "outputs_say_where_everything_is": [
        lambda draft: draft.document["planned_values"]["outputs"].pop("api_url"),
        lambda draft: draft.document["planned_values"]["outputs"].update(extra={"value": "x"}),
    ],
}
