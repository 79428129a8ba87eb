"""Breaks of the rules about what serves and who may do what (access, data, orchestration, running)."""

from tests.infra.draft import Edit, added, to, workflow_text

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

BREAKS: dict[str, list[Edit]] = {
    "nobody_is_let_in_unasked": [
        to("google_cloud_run_v2_service_iam_member.people[*", "member", "allUsers"),
        to(STITCHER, "invoker_iam_disabled", value=True),
        added("storage_bucket_acl", bucket="promptreel-test-artifacts"),
    ],
    "studio_is_behind_iap": [to(STUDIO, "iap_enabled", value=False), to(STITCHER, "iap_enabled", value=True)],
    "project_wide_roles_are_few_and_narrow": [
        added("project_iam_member", project="promptreel-test", role="roles/run.invoker", member="x"),
        to('google_project_iam_member.granted["api database"]', "condition", []),
        to("google_project_iam_member.workflow_logs", "project", "other"),
    ],
    "own_roles_allow_what_is_done_and_nothing_more": [
        to(
            'google_project_iam_custom_role.this["promptreelSigner"]',
            "permissions",
            ["iam.serviceAccounts.getAccessToken"],
        ),
        lambda draft: draft.drop('google_project_iam_custom_role.this["promptreelUploader"]'),
        added("project_iam_member", project="promptreel-test", role="roles/aiplatform.user", member="x"),
    ],
    "images_and_functions_are_built_apart": [
        to(
            "google_artifact_registry_repository_iam_member.build_writes[*",
            "member",
            "serviceAccount:film-build@promptreel-test.iam.gserviceaccount.com",
        ),
        to("google_artifact_registry_repository_iam_member.build_writes[*", "repository", "promptreel"),
    ],
    "no_basic_role": [added("storage_bucket_iam_member", role="roles/editor", bucket="x", member="y")],
    "nothing_else_takes_over_access_and_no_key_exists": [
        added("project_iam_binding", role="roles/run.invoker", members=["x"]),
        added("project_iam_policy", policy_data="{}"),
        added("service_account_key", service_account_id="x"),
    ],
    "everyone_has_an_account_of_their_own": [
        to(API, "service_config.service_account_email", ""),
        to(STITCHER, "template.service_account", "film-api@promptreel-test.iam.gserviceaccount.com"),
        to(FILM, "service_account", "1-compute@developer.gserviceaccount.com"),
    ],
    "builds_run_as_nobody_that_serves": [
        to(API, "build_config.service_account", None),
        to(
            SUBMIT,
            "build_config.service_account",
            "projects/x/serviceAccounts/film-api@promptreel-test.iam.gserviceaccount.com",
        ),
    ],
    "accounts_have_names_that_google_takes": [
        to('google_service_account.this["api"]', "account_id", "film-" + "a" * 30),
        to('google_service_account.this["api"]', "disabled", value=True),
    ],
    "only_the_public_list_can_be_reached_from_outside": [
        to(SUBMIT, "service_config.ingress_settings", "ALLOW_ALL"),
        to(STITCHER, "ingress", "INGRESS_TRAFFIC_ALL"),
        to(API, "service_config.ingress_settings", "ALLOW_INTERNAL_ONLY"),
    ],
    "no_secret_stands_in_the_open": [
        to(API, "service_config.environment_variables.API_KEY", "x"),
        to(API, "service_config.environment_variables.PROMPTREEL_SALT", "kJ8sLq2Zx9VbN4mQw7TyR1uE3oPa"),
        added("secret_manager_secret_version", secret_data="x"),
        to(API, "service_config.secret_environment_variables", [{"key": "X", "secret": "s", "version": "latest"}]),
    ],
    "buckets_are_private": [
        to(ARTIFACTS, "uniform_bucket_level_access", value=False),
        to(PROMPTS, "public_access_prevention", "inherited"),
        to(SOURCE, "force_destroy", value=True),
        to(ARTIFACTS, "cors.origin", ["*"]),
        to(ARTIFACTS, "cors.method", ["PUT"]),
    ],
    "studio_may_play_what_is_in_the_artifacts_bucket": [
        to(ARTIFACTS, "cors", []),
        to(ARTIFACTS, "cors.response_header", ["Content-Type"]),
        to(ARTIFACTS, "cors.max_age_seconds", None),
    ],
    "buckets_forget_in_time": [
        to(ARTIFACTS, "lifecycle_rule.action.type", "Delete"),
        to(ARTIFACTS, "lifecycle_rule", []),
        to(PROMPTS, "lifecycle_rule", []),
        to(PROMPTS, "lifecycle_rule.0.action.type", "Remove"),
        to(PROMPTS, "lifecycle_rule.0.condition.age", 900),
        to(PROMPTS, "lifecycle_rule.1.condition.age", 10),
    ],
    "source_keeps_a_few_versions": [
        to(SOURCE, "versioning.enabled", value=False),
        to(SOURCE, "lifecycle_rule.0.condition.age", 3000),
        to(SOURCE, "lifecycle_rule.1.condition.with_state", "ANY"),
        to(SOURCE, "lifecycle_rule.1.condition.num_newer_versions", 30),
        to(SOURCE, "lifecycle_rule.2.condition.days_since_noncurrent_time", 3),
    ],
    "soft_delete_is_chosen": [to(ARTIFACTS, "soft_delete_policy", [])],
    "what_cannot_be_made_again_is_protected": [
        to(ARTIFACTS, "deletion_policy", "DELETE"),
        to(CLIPS, "deletion_policy", "ABANDON"),
        to(FILM, "deletion_protection", value=False),
        to(STUDIO, "deletion_protection", value=False),
    ],
    "trigger_bucket_is_written_by_nobody_that_it_starts": [
        to('google_storage_bucket_iam_member.granted["open_job read prompts"]', "role", "roles/storage.objectUser")
    ],
    "only_our_own_accounts_reach_more_than_clips": [
        to("google_storage_bucket_iam_member.writes_clips[*", "condition", []),
        to("google_storage_bucket_iam_member.people_read_results[*", "role", "roles/storage.objectUser"),
        to("google_storage_bucket_iam_member.writes_clips[*", "bucket", "promptreel-test-prompts"),
        to("google_storage_bucket_iam_member.writes_clips[*", "condition.expression", 'resource.name != ""'),
    ],
    "people_may_use_the_way_in_by_a_file": [
        to("google_storage_bucket_iam_member.people_upload_prompts[*", "role", "roles/storage.objectViewer"),
        to("google_storage_bucket_iam_member.people_read_results[*", "bucket", "promptreel-test-artifacts"),
    ],
    "trigger_watches_the_prompts_bucket_where_it_is": [
        to(TRIGGER, "matching_criteria.0.value", "promptreel-test-artifacts"),
        to(TRIGGER, "destination.workflow", "film"),
        to(TRIGGER, "location", "us"),
    ],
    "everything_is_in_one_region": [to(PROMPTS, "location", "EU"), to(CLIPS, "location", "europe-west1")],
    "names_are_what_google_takes": [to(PROMPTS, "name", "Prompts"), to(API, "name", "api_")],
    "database_can_be_brought_back": [
        to(DATABASE, "point_in_time_recovery_enablement", "POINT_IN_TIME_RECOVERY_DISABLED"),
        to(DATABASE, "delete_protection_state", None),
        to(DATABASE, "type", "DATASTORE_MODE"),
        to("google_firestore_backup_schedule.daily", "retention", "86400s"),
        to("google_firestore_backup_schedule.daily", "daily_recurrence", []),
    ],
    "documents_of_gone_jobs_are_removed": [
        to("google_firestore_field.forget", "ttl_config", []),
        to("google_firestore_field.forget", "index_config", []),
        to("google_firestore_field.forget", "field", "created"),
        to("google_firestore_field.forget", "database", "other"),
        to("google_firestore_field.forget", "ttl_config", [{"expiration_offset": "60s"}]),
    ],
    "every_query_of_the_code_has_its_index_and_no_index_is_idle": [
        lambda draft: draft.drop('google_firestore_index.jobs["jobs of an owner"]'),
        to('google_firestore_index.jobs["jobs of an owner"]', "fields.1.order", "ASCENDING"),
        to('google_firestore_index.jobs["jobs of an owner"]', "query_scope", "COLLECTION_GROUP"),
        to("google_firestore_field.calls_state", "index_config.indexes", []),
        added("firestore_index", collection="x", query_scope="COLLECTION", database="(default)", fields=[]),
    ],
    "functions_are_the_entry_points": [
        lambda draft: draft.drop(SUBMIT),
        to(API, "build_config.entry_point", "open_job"),
        to(API, "build_config.runtime", "python38"),
        to(API, "build_config.docker_repository", None),
        to(API, "service_config.all_traffic_on_latest_revision", value=False),
        to(API, "event_trigger", [{"event_type": "x"}]),
    ],
    "every_service_has_its_time": [
        to(API, "service_config.timeout_seconds", 4000),
        to(STITCHER, "template.timeout", "60s"),
    ],
    "sizes_are_those_of_the_table": [
        to(API, "service_config.available_memory", "512XB"),
        to(STITCHER, "template.max_instance_request_concurrency", None),
        to(API, "service_config.min_instance_count", 5),
        to(STITCHER, "template.containers.resources.limits", {"cpu": "4", "memory": "512Mi"}),
    ],
    "every_service_fits_a_new_projects_quota": [
        to(STITCHER, "scaling.max_instance_count", 6),
        to(STITCHER, "template.containers.resources.limits", {"cpu": "1", "memory": "16Gi"}),
        to(FUNCTION.format("draw_keyframe"), "service_config.max_instance_count", 21),
        to(FUNCTION.format("poll_clips"), "service_config.available_memory", "4Gi"),
    ],
    "every_service_has_a_thread_for_each_request_that_it_is_sent": [
        to(API, "service_config.environment_variables.THREADS"),
        to(SUBMIT, "service_config.environment_variables.THREADS", "4"),
        to(SUBMIT, "service_config.max_instance_request_concurrency", 80),
        to(STITCHER, "template.containers.env", []),
        to(STUDIO, "template.max_instance_request_concurrency", 81),
    ],
    "what_costs_is_bounded_by_its_quota": [
        to(FUNCTION.format("draw_keyframe"), "service_config.max_instance_count", 50),
        to(SUBMIT, "service_config.max_instance_request_concurrency", 1),
        to(API, "service_config.max_instance_count", 100),
    ],
    "queues_keep_veos_quota": [
        to(CLIPS, "rate_limits.max_dispatches_per_second", 0.5),
        to(CLIPS, "rate_limits.max_concurrent_dispatches", 80),
        to(CLIPS, "retry_config.max_attempts", -1),
        to(CLIPS, "retry_config.min_backoff", "2"),
        to(CLIPS, "stackdriver_logging_config.sampling_ratio", 0.1),
        to(CLIPS, "desired_state", "PAUSED"),
    ],
    "tasks_wait_for_their_target": [to(SUBMIT, "service_config.timeout_seconds", 1801)],
    "sweeper_runs_every_five_minutes_as_itself": [
        to(SWEEPER, "schedule", "0 * * * *"),
        to(SWEEPER, "paused", value=True),
        to(SWEEPER, "http_target.uri", "https://api-123456789012.us-central1.run.app"),
        to(SWEEPER, "http_target.oidc_token.audience", "x"),
        to(SWEEPER, "attempt_deadline", "1801s"),
        to(SWEEPER, "retry_config.retry_count", 100),
    ],
    "everything_is_told_what_the_settings_read": [
        to(API, "service_config.environment_variables.PROMPTREEL_PROJECT"),
        to(STITCHER, "template.containers.env", []),
        to(SUBMIT, "service_config.environment_variables.PROMPTREEL_REGION", "elsewhere"),
    ],
    "workflow_is_the_one_in_the_checkout": [
        to(FILM, "call_log_level", "LOG_ALL_CALLS"),
        to(FILM, "user_env_vars.STITCHER_URL", "https://api-123456789012.us-central1.run.app"),
        workflow_text("timeout: 1800", "timeout: 1801"),
    ],
    "workflow_waits_and_repeats_within_limits": [
        workflow_text("timeout: 1800", "timeout: 1801"),
        workflow_text("timeout: 600", "timeout: 60"),
        workflow_text("max_retries: 300", "max_retries: 3000"),
        workflow_text("max_retries: 8", "max_retries: 80"),
        workflow_text("            max_delay: 30\n", ""),
        to(FILM, "user_env_vars.MORE", "x"),
    ],
    "stitcher_cuts_one_film_at_a_time": [
        to(
            STITCHER,
            "template.containers.image",
            "us-central1-docker.pkg.dev/promptreel-test/promptreel/stitcher:latest",
        ),
        to(STITCHER, "template.containers.resources.cpu_idle", value=False),
        to(STITCHER, "template.containers.startup_probe", []),
        to(STITCHER, "template.timeout", "1800"),
        to(STITCHER, "template.execution_environment", "EXECUTION_ENVIRONMENT_GEN1"),
    ],
}
