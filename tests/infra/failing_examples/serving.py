"""Failing examples of the rules of access, data, orchestration and services."""

from tests.infra.altered_plan import Edit, add_resource, replace_in_workflow, set_value

FUNCTION = 'google_cloudfunctions2_function.this["{}"]'
API, SUBMIT, SWEEP = (FUNCTION.format(name) for name in ("api", "submit_clip", "sweep_jobs"))
STITCHER, STUDIO = "google_cloud_run_v2_service.stitcher", "google_cloud_run_v2_service.studio"
ARTIFACTS, PROMPTS = (f'google_storage_bucket.this["{name}"]' for name in ("artifacts", "prompts"))
SOURCE = "google_storage_bucket.source"
CLIPS = 'google_cloud_tasks_queue.this["clips"]'
SWEEPER = 'google_cloud_scheduler_job.this["sweep_jobs"]'
TRIGGER = 'google_eventarc_trigger.this["prompts"]'
FILM = "google_workflows_workflow.film"
DATABASE = "google_firestore_database.this"

FAILING_EXAMPLES: dict[str, list[Edit]] = {
    "no_resource_is_public": [
        set_value("google_cloud_run_v2_service_iam_member.people[*", "member", "allUsers"),
        set_value(STITCHER, "invoker_iam_disabled", value=True),
        add_resource("storage_bucket_acl", bucket="promptreel-test-artifacts"),
    ],
    "studio_is_behind_iap": [
        set_value(STUDIO, "iap_enabled", value=False),
        set_value(STITCHER, "iap_enabled", value=True),
    ],
    "project_wide_roles_are_few_and_narrow": [
        add_resource("project_iam_member", project="promptreel-test", role="roles/run.invoker", member="x"),
        set_value('google_project_iam_member.granted["api database"]', "condition", []),
        set_value("google_project_iam_member.workflow_logs", "project", "other"),
    ],
    "custom_roles_have_exactly_the_listed_permissions": [
        set_value(
            'google_project_iam_custom_role.this["promptreelSigner"]',
            "permissions",
            ["iam.serviceAccounts.getAccessToken"],
        ),
        lambda plan: plan.drop('google_project_iam_custom_role.this["promptreelUploader"]'),
        add_resource("project_iam_member", project="promptreel-test", role="roles/aiplatform.user", member="x"),
    ],
    "each_build_account_writes_its_own_repository": [
        set_value(
            "google_artifact_registry_repository_iam_member.build_writes[*",
            "member",
            "serviceAccount:film-build@promptreel-test.iam.gserviceaccount.com",
        ),
        set_value("google_artifact_registry_repository_iam_member.build_writes[*", "repository", "promptreel"),
    ],
    "no_grant_has_a_basic_role": [
        add_resource("storage_bucket_iam_member", role="roles/editor", bucket="x", member="y")
    ],
    "no_authoritative_grant_and_no_key_exists": [
        add_resource("project_iam_binding", role="roles/run.invoker", members=["x"]),
        add_resource("project_iam_policy", policy_data="{}"),
        add_resource("service_account_key", service_account_id="x"),
    ],
    "every_workload_has_its_own_account": [
        set_value(API, "service_config.service_account_email", ""),
        set_value(STITCHER, "template.service_account", "film-api@promptreel-test.iam.gserviceaccount.com"),
        set_value(FILM, "service_account", "1-compute@developer.gserviceaccount.com"),
    ],
    "builds_run_as_an_account_that_serves_nothing": [
        set_value(API, "build_config.service_account", None),
        set_value(
            SUBMIT,
            "build_config.service_account",
            "projects/x/serviceAccounts/film-api@promptreel-test.iam.gserviceaccount.com",
        ),
    ],
    "account_names_are_valid": [
        set_value('google_service_account.this["api"]', "account_id", "film-" + "a" * 30),
        set_value('google_service_account.this["api"]', "disabled", value=True),
    ],
    "only_public_services_accept_outside_traffic": [
        set_value(SUBMIT, "service_config.ingress_settings", "ALLOW_ALL"),
        set_value(STITCHER, "ingress", "INGRESS_TRAFFIC_ALL"),
        set_value(API, "service_config.ingress_settings", "ALLOW_INTERNAL_ONLY"),
    ],
    "no_secret_is_in_plain_text": [
        set_value(API, "service_config.environment_variables.API_KEY", "x"),
        set_value(API, "service_config.environment_variables.PROMPTREEL_SALT", "kJ8sLq2Zx9VbN4mQw7TyR1uE3oPa"),
        add_resource("secret_manager_secret_version", secret_data="x"),
        set_value(
            API, "service_config.secret_environment_variables", [{"key": "X", "secret": "s", "version": "latest"}]
        ),
    ],
    "buckets_are_private": [
        set_value(ARTIFACTS, "uniform_bucket_level_access", value=False),
        set_value(PROMPTS, "public_access_prevention", "inherited"),
        set_value(SOURCE, "force_destroy", value=True),
        set_value(ARTIFACTS, "cors.origin", ["*"]),
        set_value(ARTIFACTS, "cors.method", ["PUT"]),
    ],
    "studio_can_play_artifacts": [
        set_value(ARTIFACTS, "cors", []),
        set_value(ARTIFACTS, "cors.response_header", ["Content-Type"]),
        set_value(ARTIFACTS, "cors.max_age_seconds", None),
    ],
    "buckets_delete_objects_in_time": [
        set_value(ARTIFACTS, "lifecycle_rule.action.type", "Delete"),
        set_value(ARTIFACTS, "lifecycle_rule", []),
        set_value(PROMPTS, "lifecycle_rule", []),
        set_value(PROMPTS, "lifecycle_rule.0.action.type", "Remove"),
        set_value(PROMPTS, "lifecycle_rule.0.condition.age", 900),
        set_value(PROMPTS, "lifecycle_rule.1.condition.age", 10),
    ],
    "source_keeps_a_few_versions": [
        set_value(SOURCE, "versioning.enabled", value=False),
        set_value(SOURCE, "lifecycle_rule.0.condition.age", 3000),
        set_value(SOURCE, "lifecycle_rule.1.condition.with_state", "ANY"),
        set_value(SOURCE, "lifecycle_rule.1.condition.num_newer_versions", 30),
        set_value(SOURCE, "lifecycle_rule.2.condition.days_since_noncurrent_time", 3),
    ],
    "soft_delete_is_set": [set_value(ARTIFACTS, "soft_delete_policy", [])],
    "data_is_protected_from_deletion": [
        set_value(ARTIFACTS, "deletion_policy", "DELETE"),
        set_value(CLIPS, "deletion_policy", "ABANDON"),
        set_value(FILM, "deletion_protection", value=False),
        set_value(STUDIO, "deletion_protection", value=False),
    ],
    "no_workload_writes_the_trigger_bucket": [
        set_value(
            'google_storage_bucket_iam_member.granted["open_job read prompts"]', "role", "roles/storage.objectUser"
        )
    ],
    "foreign_accounts_reach_only_clips": [
        set_value("google_storage_bucket_iam_member.writes_clips[*", "condition", []),
        set_value("google_storage_bucket_iam_member.people_read_results[*", "role", "roles/storage.objectUser"),
        set_value("google_storage_bucket_iam_member.writes_clips[*", "bucket", "promptreel-test-prompts"),
        set_value("google_storage_bucket_iam_member.writes_clips[*", "condition.expression", 'resource.name != ""'),
    ],
    "people_can_upload_prompts_and_read_results": [
        set_value("google_storage_bucket_iam_member.people_upload_prompts[*", "role", "roles/storage.objectViewer"),
        set_value("google_storage_bucket_iam_member.people_read_results[*", "bucket", "promptreel-test-artifacts"),
    ],
    "trigger_watches_the_prompts_bucket_in_its_region": [
        set_value(TRIGGER, "matching_criteria.0.value", "promptreel-test-artifacts"),
        set_value(TRIGGER, "destination.workflow", "film"),
        set_value(TRIGGER, "location", "us"),
    ],
    "every_resource_is_in_one_region": [
        set_value(PROMPTS, "location", "EU"),
        set_value(CLIPS, "location", "europe-west1"),
    ],
    "resource_names_are_valid": [set_value(PROMPTS, "name", "Prompts"), set_value(API, "name", "api_")],
    "database_can_be_restored": [
        set_value(DATABASE, "point_in_time_recovery_enablement", "POINT_IN_TIME_RECOVERY_DISABLED"),
        set_value(DATABASE, "delete_protection_state", None),
        set_value(DATABASE, "type", "DATASTORE_MODE"),
        set_value("google_firestore_backup_schedule.daily", "retention", "86400s"),
        set_value("google_firestore_backup_schedule.daily", "daily_recurrence", []),
    ],
    "documents_of_deleted_jobs_expire": [
        set_value("google_firestore_field.forget", "ttl_config", []),
        set_value("google_firestore_field.forget", "index_config", []),
        set_value("google_firestore_field.forget", "field", "created"),
        set_value("google_firestore_field.forget", "database", "other"),
        set_value("google_firestore_field.forget", "ttl_config", [{"expiration_offset": "60s"}]),
    ],
    "indexes_are_exactly_those_the_queries_need": [
        lambda plan: plan.drop('google_firestore_index.jobs["jobs of an owner"]'),
        set_value('google_firestore_index.jobs["jobs of an owner"]', "fields.1.order", "ASCENDING"),
        set_value('google_firestore_index.jobs["jobs of an owner"]', "query_scope", "COLLECTION_GROUP"),
        set_value("google_firestore_field.calls_state", "index_config.indexes", []),
        add_resource("firestore_index", collection="x", query_scope="COLLECTION", database="(default)", fields=[]),
    ],
    "functions_match_the_entry_points": [
        lambda plan: plan.drop(SUBMIT),
        set_value(API, "build_config.entry_point", "open_job"),
        set_value(API, "build_config.runtime", "python38"),
        set_value(API, "build_config.docker_repository", None),
        set_value(API, "service_config.all_traffic_on_latest_revision", value=False),
        set_value(API, "event_trigger", [{"event_type": "x"}]),
    ],
    "every_service_has_its_timeout": [
        set_value(API, "service_config.timeout_seconds", 4000),
        set_value(STITCHER, "template.timeout", "60s"),
    ],
    "watchers_of_jobs_fit_the_api": [
        set_value(API, "service_config.timeout_seconds", 299),
        set_value(STUDIO, "template.timeout", "60s"),
        set_value(API, "service_config.max_instance_request_concurrency", 79),
    ],
    "service_sizes_match_the_table": [
        set_value(API, "service_config.available_memory", "512XB"),
        set_value(STITCHER, "template.max_instance_request_concurrency", None),
        set_value(API, "service_config.min_instance_count", 5),
        set_value(STITCHER, "template.containers.resources.limits", {"cpu": "4", "memory": "512Mi"}),
    ],
    "every_service_fits_a_new_projects_quota": [
        set_value(STITCHER, "scaling.max_instance_count", 6),
        set_value(STITCHER, "template.containers.resources.limits", {"cpu": "1", "memory": "16Gi"}),
        set_value(FUNCTION.format("draw_keyframe"), "service_config.max_instance_count", 21),
        set_value(FUNCTION.format("poll_clips"), "service_config.available_memory", "4Gi"),
    ],
    "every_service_has_a_thread_for_each_concurrent_request": [
        set_value(API, "service_config.environment_variables.THREADS"),
        set_value(SUBMIT, "service_config.environment_variables.THREADS", "4"),
        set_value(SUBMIT, "service_config.max_instance_request_concurrency", 80),
        set_value(STITCHER, "template.containers.env", []),
        set_value(STUDIO, "template.max_instance_request_concurrency", 81),
    ],
    "paid_calls_are_bounded_by_their_quota": [
        set_value(FUNCTION.format("draw_keyframe"), "service_config.max_instance_count", 50),
        set_value(SUBMIT, "service_config.max_instance_request_concurrency", 1),
        set_value(API, "service_config.max_instance_count", 100),
    ],
    "queues_stay_within_veos_quota": [
        set_value(CLIPS, "rate_limits.max_dispatches_per_second", 0.6),
        set_value(CLIPS, "rate_limits.max_concurrent_dispatches", 80),
        set_value(CLIPS, "retry_config.max_attempts", -1),
        set_value(CLIPS, "retry_config.min_backoff", "2"),
        set_value(CLIPS, "stackdriver_logging_config.sampling_ratio", 0.1),
        set_value(CLIPS, "desired_state", "PAUSED"),
    ],
    "task_deadline_covers_the_targets_timeout": [set_value(SUBMIT, "service_config.timeout_seconds", 1801)],
    "sweeper_runs_every_five_minutes_as_the_scheduler": [
        set_value(SWEEPER, "schedule", "0 * * * *"),
        set_value(SWEEPER, "paused", value=True),
        set_value(SWEEPER, "http_target.uri", "https://api-123456789012.us-central1.run.app"),
        set_value(SWEEPER, "http_target.oidc_token.audience", "x"),
        set_value(SWEEPER, "attempt_deadline", "1801s"),
        set_value(SWEEPER, "retry_config.retry_count", 100),
    ],
    "every_workload_has_the_environment_of_its_settings": [
        set_value(API, "service_config.environment_variables.PROMPTREEL_PROJECT"),
        set_value(STITCHER, "template.containers.env", []),
        set_value(SUBMIT, "service_config.environment_variables.PROMPTREEL_REGION", "elsewhere"),
    ],
    "workflow_matches_the_checkout": [
        set_value(FILM, "call_log_level", "LOG_ALL_CALLS"),
        set_value(FILM, "user_env_vars.STITCHER_URL", "https://api-123456789012.us-central1.run.app"),
        replace_in_workflow("timeout: 1800", "timeout: 1801"),
    ],
    "workflow_timeouts_and_retries_are_bounded": [
        replace_in_workflow("timeout: 1800", "timeout: 1801"),
        replace_in_workflow("timeout: 600", "timeout: 60"),
        replace_in_workflow("max_retries: 300", "max_retries: 3000"),
        replace_in_workflow("max_retries: 8", "max_retries: 80"),
        replace_in_workflow("            max_delay: 30\n", ""),
        set_value(FILM, "user_env_vars.MORE", "x"),
    ],
    "containers_have_the_listed_runtime_settings": [
        set_value(
            STITCHER,
            "template.containers.image",
            "us-central1-docker.pkg.dev/promptreel-test/promptreel/stitcher:latest",
        ),
        set_value(STITCHER, "template.containers.resources.cpu_idle", value=False),
        set_value(STITCHER, "template.containers.startup_probe", []),
        set_value(STITCHER, "template.timeout", "1800"),
        set_value(STITCHER, "template.execution_environment", "EXECUTION_ENVIRONMENT_GEN1"),
    ],
}
