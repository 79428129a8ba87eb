"""Failing examples of the rules of alerts, configuration, operations, propagation and queried_metrics."""

from tests.infra.altered_plan import REMOVED, Edit, add_resource, replace_in_dashboard, set_value, write_archive

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

FAILING_EXAMPLES: dict[str, list[Edit]] = {
    "apis_are_enabled_as_needed_and_never_disabled": [
        lambda plan: plan.drop('google_project_service.this["run.googleapis.com"]'),
        set_value('google_project_service.this["run.googleapis.com"]', "disable_on_destroy", value=True),
        add_resource("project_service", service="compute.googleapis.com", disable_on_destroy=False),
    ],
    "every_resource_waits_for_its_api": [lambda plan: plan.configured(DATABASE).pop("depends_on")],
    "every_resource_is_labelled": [
        set_value(API, "effective_labels", {}),
        set_value(ALERT, "user_labels", None),
        set_value(JOBS, "user_labels", {"app": "promptreel"}),
        lambda plan: plan.provider("default_labels", REMOVED),
    ],
    "requests_are_billed_to_this_project": [
        lambda plan: plan.provider("user_project_override", value=False),
        lambda plan: plan.provider("project", "other"),
    ],
    "logs_are_kept_for_a_month": [
        set_value("google_logging_project_bucket_config.default", "retention_days", 1),
        set_value("google_logging_project_bucket_config.default", "locked", value=True),
    ],
    "metrics_match_the_list": [
        set_value('google_logging_metric.this["polls"]', "filter", 'resource.type="cloud_run_revision"'),
        set_value('google_logging_metric.this["step_duration"]', "metric_descriptor.value_type", "INT64"),
        set_value('google_logging_metric.this["steps"]', "label_extractors", {}),
        set_value('google_logging_metric.this["steps"]', "disabled", value=True),
        lambda plan: plan.drop('google_logging_metric.this["polls"]'),
    ],
    "alerts_are_sent_with_their_runbook_section": [
        set_value(ALERT, "enabled", value=False),
        set_value(ALERT, "documentation.content", ""),
        set_value(ALERT, "documentation.content", "(docs/runbook.md#bug)"),
        set_value(ALERT, "documentation.mime_type", "text/plain"),
        set_value(ALERT, "alert_strategy", []),
        set_value(RATE, "documentation", []),
        set_value(STUCK, "enabled", value=False),
        lambda plan: plan.configured("google_monitoring_alert_policy.this")["expressions"].pop("notification_channels"),
    ],
    "alert_conditions_match_the_list": [
        set_value(ALERT, "conditions.condition_threshold.threshold_value", 1000),
        set_value(ALERT, "conditions.condition_threshold.comparison", "COMPARISON_LT"),
        set_value(STUCK, "conditions.condition_threshold.threshold_value", 4),
        set_value(
            STUCK, "conditions.condition_threshold.filter", 'metric.type="x" AND resource.type="cloud_run_revision"'
        ),
        set_value(STUCK, "severity", "WARNING"),
        set_value(RATE, f"{QUERY}.query", "sum(increase(x[1h])) / 1e6 > 2000"),
        set_value(RATE, f"{QUERY}.duration", "86400s"),
        set_value(RATE, f"{QUERY}.evaluation_interval", "86400s"),
        set_value(RATE, f"{QUERY}.disable_metric_validation", value=False),
        lambda plan: plan.drop(ALERT),
        lambda plan: plan.drop(RATE),
    ],
    "operators_are_notified_by_mail": [
        set_value("google_monitoring_notification_channel.operators[*", "labels", {}),
        set_value("google_monitoring_notification_channel.operators[*", "enabled", value=False),
    ],
    "every_queried_metric_exists": [
        set_value(
            ALERT, "conditions.condition_threshold.filter", 'metric.type="x" AND resource.type="cloud_run_revision"'
        ),
        set_value(ALERT, "conditions.condition_threshold.filter", "no metric at all"),
        set_value(MAKESPAN, "request_based_sli.distribution_cut.distribution_filter", "no metric at all"),
        set_value(
            ALERT,
            "conditions.condition_threshold.filter",
            'metric.type="logging.googleapis.com/user/promptreel/polls" AND resource.type="global"',
        ),
    ],
    "failure_alerts_count_only_failures": [
        set_value(
            'google_monitoring_alert_policy.this["failed-executions"]',
            "conditions.condition_threshold.filter",
            'metric.type="x" AND metric.labels.status="SUCCEEDED"',
        )
    ],
    "alerts_count_only_promptreels_resources": [
        set_value(
            QUEUED,
            "conditions.condition_threshold.filter",
            'metric.type="cloudtasks.googleapis.com/queue/depth" AND resource.type="cloud_tasks_queue"',
        ),
        set_value(
            SILENT, "conditions.0.condition_threshold.filter", 'metric.type="logging.googleapis.com/log_entry_count"'
        ),
    ],
    "alert_fires_when_the_sweeper_does_not_run": [
        set_value(SILENT, "conditions.1"),
        set_value(SILENT, "conditions.1.condition_absent.duration", "84600s"),
        set_value(SILENT, "conditions.1.condition_absent.filter", 'metric.type="x"'),
    ],
    "alerts_and_goals_wait_for_their_metrics": [
        set_value("time_sleep.log_metrics", "create_duration", "60s"),
        set_value("time_sleep.log_metrics", "triggers", None),
        lambda plan: plan.configured("google_monitoring_alert_policy.this").pop("depends_on"),
        lambda plan: plan.configured("google_monitoring_slo.makespan").pop("depends_on"),
    ],
    "builds_and_triggers_wait_for_their_grants": [
        set_value("time_sleep.grants", "create_duration", "30s"),
        lambda plan: plan.configured("google_cloudfunctions2_function.this").pop("depends_on"),
        lambda plan: plan.configured("google_eventarc_trigger.this").pop("depends_on"),
        lambda plan: plan.configured("time_sleep.grants").pop("depends_on"),
    ],
    "scheduler_is_created_after_the_sweeper": [
        lambda plan: plan.configured("google_cloud_scheduler_job.this").pop("depends_on"),
    ],
    "goals_measure_success_and_makespan": [
        set_value(JOBS, "goal", 0.5),
        set_value(MAKESPAN, "rolling_period_days", 1),
        set_value(JOBS, "request_based_sli.good_total_ratio.good_service_filter", "x"),
        set_value(MAKESPAN, "request_based_sli.distribution_cut.range.max", 86400),
        set_value("google_monitoring_custom_service.this", "service_id", "other"),
        lambda plan: plan.drop(MAKESPAN),
    ],
    "queries_sum_measurements_and_count_the_rest": [
        set_value(RATE, f"{QUERY}.query", "1 > 0"),
        set_value(RATE, f"{QUERY}.query", 'a_b:user_promptreel_spend_sum{monitored_resource="cloud_run_revision"}'),
        replace_in_dashboard("user_promptreel_spend_sum", "user_promptreel_spend"),
        replace_in_dashboard(r"{monitored_resource=\"cloud_run_revision\"}", ""),
    ],
    "series_are_grouped_by_labels_of_their_metric": [
        replace_in_dashboard('"metric.label.code"', '"metric.label.colour"'),
        replace_in_dashboard("metric.labels.status", "metric.labels.state"),
        replace_in_dashboard("REDUCE_PERCENTILE_50", "REDUCE_SUM"),
    ],
    "dashboard_layout_is_readable": [
        replace_in_dashboard('"xPos":24', '"xPos":0'),
        replace_in_dashboard('"columns":48', '"columns":47'),
        replace_in_dashboard('"title":"Polls"', '"title":"Refusals, by code"'),
    ],
    "dashboard_has_the_listed_charts": [
        set_value(PAGE, "dashboard_json", '{"mosaicLayout": {"columns": 48, "tiles": []}}'),
        replace_in_dashboard("promptreel/jobs_withdrawn", "promptreel/jobs_ended"),
        replace_in_dashboard('"metric.label.outcome"', '"metric.label.state"'),
        replace_in_dashboard('"value":50', '"value":500'),
        replace_in_dashboard("REDUCE_PERCENTILE_95", "REDUCE_PERCENTILE_99"),
        replace_in_dashboard("metric.labels.status!=", "metric.labels.status="),
        replace_in_dashboard("[1h])) / 1e6", "[1d])) / 1e6"),
    ],
    "budget_warns_in_time": [
        set_value("google_billing_budget.this[*", "threshold_rules", []),
        set_value("google_billing_budget.this[*", "display_name", "promptreel"),
        set_value("google_billing_budget.this[*", "amount.specified_amount.units", "20000"),
        set_value("google_billing_budget.this[*", "amount.specified_amount.currency_code", "USD"),
        set_value("google_billing_budget.this[*", "budget_filter.projects", ["projects/promptreel-test"]),
        lambda plan: plan.configured("google_billing_budget.this")["expressions"].pop("all_updates_rule"),
    ],
    "old_images_are_deleted_and_new_ones_kept": [
        set_value(IMAGES, "cleanup_policies", []),
        set_value(IMAGES, "cleanup_policy_dry_run", value=True),
        set_value(IMAGES, "docker_config.immutable_tags", value=True),
        lambda plan: plan.drop(IMAGES),
    ],
    "versions_are_pinned": [
        lambda plan: plan.rewrite("versions.tf", r"~> 8\.7", ">= 3.0"),
        lambda plan: plan.rewrite("versions.tf", r'required_version = ".*"', ""),
    ],
    "state_bucket_is_named_at_init": [
        lambda plan: plan.rewrite("versions.tf", r'prefix = "promptreel"', 'prefx = "promptreel"'),
        lambda plan: plan.rewrite(
            "versions.tf", r'prefix = "promptreel"', 'prefix = "promptreel"\n    bucket = "mine"'
        ),
    ],
    "every_variable_is_described_typed_and_validated": [
        lambda plan: plan.rewrite("variables.tf", r"type += list\(string\)", ""),
        lambda plan: plan.rewrite("variables.tf", r"description = .*", ""),
        lambda plan: plan.rewrite("variables.tf", r"default += null", ""),
        lambda plan: plan.rewrite("variables.tf", r"validation \{", "nothing {"),
    ],
    "source_is_exactly_the_functions_folder": [
        lambda plan: plan.configured("data.archive_file.functions")["expressions"].pop("output_file_mode"),
        lambda plan: plan.configured("data.archive_file.functions")["expressions"].pop("excludes"),
        lambda plan: write_archive(plan.copy() / "build/functions.zip", "extra.py"),
        set_value("google_storage_bucket_object.functions", "name", "functions.zip"),
        set_value("google_storage_bucket_object.functions", "source", "./functions.zip"),
        set_value(API, "build_config.source.storage_source.object", "other.zip"),
    ],
    "mentioned_environment_variables_exist": [
        lambda plan: plan.rewrite("outputs.tf", "PROMPTREEL_API", "PROMPTREEL_URL"),
    ],
    "outputs_match_the_list": [
        lambda plan: plan.document["planned_values"]["outputs"].pop("api_url"),
        lambda plan: plan.document["planned_values"]["outputs"].update(extra={"value": "x"}),
    ],
}
