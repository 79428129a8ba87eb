"""Rules about buckets, the database and the trigger: access, retention, protection, region and indexes."""

import re
from collections.abc import Iterator
from typing import Any

from tests.infra.policy import declared, firestore_queries
from tests.infra.policy.rules import rule
from tools.terraform.plan import PROJECT, REGION, VARIABLES, Plan, Resource

LIFETIMES_DAYS = {"artifacts": [], "prompts": [30], "results": [90], "uploads": [2]}
"""Ages at which a bucket deletes objects; none for artifacts, because a job may need an object of any age."""
SOFT_DELETE_DAYS = {"artifacts": 7, "prompts": 7, "results": 7, "source": 0, "uploads": 0}
EXPIRING = {"answers": "expires", "jobs": "forget"}
"""Collections whose documents Firestore deletes, and the field with the time of deletion."""
WRITERS = {
    "roles/storage.objectUser",
    "roles/storage.objectCreator",
    "roles/storage.objectAdmin",
    "roles/storage.admin",
}

PEOPLE = {f"user:{one}" for one in VARIABLES["operators"]} | set(VARIABLES["people"])
PEOPLES_ROLES = {("prompts", "promptreelUploader"), ("results", "storage.objectViewer")}
"""Buckets that people use to request films by a file, and the role they need."""

_ACTIONS = {"Delete", "SetStorageClass", "AbortIncompleteMultipartUpload"}
_DAY_S = 86_400


@rule
def buckets_are_private(plan: Plan) -> Iterator[str]:
    for bucket in plan.of("storage_bucket"):
        if bucket.values.get("uniform_bucket_level_access") is not True:
            yield f"{bucket.address}: access may be given object by object"
        if bucket.values.get("public_access_prevention") != "enforced":
            yield f"{bucket.address}: public access is not prevented"
        if bucket.values.get("force_destroy"):
            yield f"{bucket.address} may be destroyed with its content"
        for cors in bucket.blocks("cors"):
            for origin in cors.get("origin") or ["*"]:
                if not re.fullmatch(r"https://[a-z0-9.-]+", origin):
                    yield f"{bucket.address}: CORS for {origin}"
            if not set(cors.get("method") or ["*"]) <= {"GET", "HEAD"}:
                yield f"{bucket.address}: CORS for {cors.get('method')}"


@rule
def studio_can_play_artifacts(plan: Plan) -> Iterator[str]:
    with_cors = {
        short_name(bucket): bucket.blocks("cors") for bucket in plan.of("storage_bucket") if bucket.blocks("cors")
    }
    studio = plan.outputs["studio_url"]
    if [cors["origin"] for cors in with_cors.get("artifacts", [])] != [[studio]] or len(with_cors) != 1:
        yield f"CORS of {sorted(with_cors)}; it is the artifacts bucket that {studio} reads"
    for cors in with_cors.get("artifacts", []):
        if not {"Content-Range", "Accept-Ranges", "Content-Length"} <= set(cors.get("response_header") or ()):
            yield "a player needs the range headers to seek"
        if not cors.get("max_age_seconds"):
            yield "a browser would repeat the CORS preflight"


@rule
def buckets_delete_objects_in_time(plan: Plan) -> Iterator[str]:
    for bucket in plan.of("storage_bucket"):
        deleting = [condition for action, condition in _life_cycle(bucket) if action == "Delete"]
        if bool(deleting) == (short_name(bucket) == "artifacts") or not all(
            _is_real(condition) for condition in deleting
        ):
            yield f"{bucket.address} deletes objects in use, never deletes, or deletes without a condition"
        unknown = {action for action, _ in _life_cycle(bucket)} - _ACTIONS
        if unknown:
            yield f"{bucket.address}: {unknown} is no action"
        lifetime = LIFETIMES_DAYS.get(short_name(bucket))
        if lifetime is None:
            continue
        ages = [condition.get("age") for condition in deleting]
        if ages != lifetime:
            yield f"{bucket.address}: deleted after {ages} days, not {lifetime}"
        aborting = [
            condition for action, condition in _life_cycle(bucket) if action == "AbortIncompleteMultipartUpload"
        ]
        if [condition.get("age") for condition in aborting] != [1]:
            yield f"{bucket.address}: parts of broken uploads are not removed after a day"


@rule
def source_keeps_a_few_versions(plan: Plan) -> Iterator[str]:
    bucket = next(bucket for bucket in plan.of("storage_bucket") if short_name(bucket) == "source")
    if not bucket.block("versioning").get("enabled"):
        yield "an overwritten source is lost"
    conditions = [condition for _, condition in _life_cycle(bucket) if not condition.get("matches_prefix")]
    uploads = [
        (one.get("age"), one.get("matches_prefix")) for _, one in _life_cycle(bucket) if one.get("matches_prefix")
    ]
    if uploads != [(30, ["builds/"])]:
        yield f"what image builds upload is kept: {uploads}"
    if [condition.get("num_newer_versions") for condition in conditions if condition.get("num_newer_versions")] != [3]:
        yield "three versions are kept"
    if [
        condition.get("days_since_noncurrent_time")
        for condition in conditions
        if condition.get("days_since_noncurrent_time")
    ] != [30]:
        yield "versions are kept for thirty days"
    if any(condition.get("with_state") != "ARCHIVED" for condition in conditions):
        yield "the version in use may be deleted"


@rule
def soft_delete_is_set(plan: Plan) -> Iterator[str]:
    chosen = {
        short_name(bucket): bucket.block("soft_delete_policy").get("retention_duration_seconds")
        for bucket in plan.of("storage_bucket")
    }
    wanted = {name: days * _DAY_S for name, days in SOFT_DELETE_DAYS.items()}
    if chosen != wanted:
        yield f"soft delete: {chosen}, not {wanted}"


@rule
def data_is_protected_from_deletion(plan: Plan) -> Iterator[str]:
    for resource in plan.of("storage_bucket", "cloud_tasks_queue", "firestore_database"):
        wanted = "DELETE" if short_name(resource) == "source" else "PREVENT"
        if resource.values.get("deletion_policy") != wanted:
            yield f"{resource.address}: deletion_policy is {resource.values.get('deletion_policy')}, not {wanted}"
    for resource in plan.of("cloud_run_v2_service", "workflows_workflow"):
        if resource.values.get("deletion_protection") is not True:
            yield f"{resource.address} may be deleted"


@rule
def no_workload_writes_the_trigger_bucket(plan: Plan) -> Iterator[str]:
    watched = {
        criterion["value"]
        for trigger in plan.of("eventarc_trigger")
        for criterion in trigger.blocks("matching_criteria")
        if criterion["attribute"] == "bucket"
    }
    for grant in plan.of("storage_bucket_iam_member"):
        if grant.values.get("bucket") in watched and grant.values.get("role") in WRITERS:
            yield f"{grant.address}: {grant.values.get('member')} could start a film by its own output"


@rule
def foreign_accounts_reach_only_clips(plan: Plan) -> Iterator[str]:
    clips = f'resource.name.extract("{PROJECT}-artifacts/objects/jobs/{{job}}/{declared.clips_folder()}/") != ""'
    for grant in plan.of("storage_bucket_iam_member"):
        own = str(grant.values.get("member")).endswith(f"@{PROJECT}.iam.gserviceaccount.com")
        condition = grant.block("condition").get("expression")
        given = (bucket_of_grant(grant), str(grant.values.get("role")).rpartition("/")[2])
        if given in PEOPLES_ROLES and grant.values.get("member") in PEOPLE:
            continue
        if not own and (bucket_of_grant(grant) != "artifacts" or condition != clips):
            yield f"{grant.address}: {grant.values.get('member')} reaches {grant.values.get('bucket')} if {condition}"


@rule
def people_can_upload_prompts_and_read_results(plan: Plan) -> Iterator[str]:
    granted = {
        (str(grant.values.get("member")), bucket_of_grant(grant), str(grant.values.get("role")).rpartition("/")[2])
        for grant in plan.of("storage_bucket_iam_member")
    }
    for one in PEOPLE:
        for bucket, role in PEOPLES_ROLES:
            if (one, bucket, role) not in granted:
                yield f"{one} is not {role} in {bucket}"


@rule
def trigger_watches_the_prompts_bucket_in_its_region(plan: Plan) -> Iterator[str]:
    buckets = {bucket.values["name"]: bucket for bucket in plan.of("storage_bucket")}
    for trigger in plan.of("eventarc_trigger"):
        criteria = {criterion["attribute"]: criterion["value"] for criterion in trigger.blocks("matching_criteria")}
        if criteria != {"type": "google.cloud.storage.object.v1.finalized", "bucket": f"{PROJECT}-prompts"}:
            yield f"{trigger.address} waits for {criteria}"
        if trigger.block("destination").get("workflow") != f"projects/{PROJECT}/locations/{REGION}/workflows/film":
            yield f"{trigger.address} starts {trigger.block('destination')}"
        if (
            criteria.get("bucket") not in buckets
            or trigger.values["location"] != buckets[criteria["bucket"]].values["location"]
        ):
            yield f"{trigger.address} is not in the region of its bucket"


@rule
def every_resource_is_in_one_region(plan: Plan) -> Iterator[str]:
    for resource in plan.resources:
        for name in ("location", "region", "location_id"):
            place = resource.values.get(name)
            wanted = "global" if resource.type == "google_logging_project_bucket_config" else REGION
            if isinstance(place, str) and place != wanted:
                yield f"{resource.address} is in {place}"


@rule
def resource_names_are_valid(plan: Plan) -> Iterator[str]:
    for bucket in plan.of("storage_bucket"):
        if not re.fullmatch(rf"{PROJECT}-(artifacts|prompts|results|source|uploads)", str(bucket.values["name"])):
            yield f"{bucket.address} is called {bucket.values['name']}"
    for resource in plan.of(
        "cloudfunctions2_function", "cloud_run_v2_service", "cloud_tasks_queue", "eventarc_trigger"
    ):
        if not re.fullmatch(r"[a-z]([a-z0-9-]{0,47}[a-z0-9])?", str(resource.values["name"])):
            yield f"{resource.address} is called {resource.values['name']}"


@rule
def database_can_be_restored(plan: Plan) -> Iterator[str]:
    (database,) = plan.of("firestore_database")
    wanted = {
        "name": "(default)",
        "type": "FIRESTORE_NATIVE",
        "concurrency_mode": "OPTIMISTIC",
        "point_in_time_recovery_enablement": "POINT_IN_TIME_RECOVERY_ENABLED",
        "delete_protection_state": "DELETE_PROTECTION_ENABLED",
    }
    found = {name: database.values.get(name) for name in wanted}
    if found != wanted:
        yield f"the database is {found}"
    for backup in plan.of("firestore_backup_schedule"):
        daily = len(backup.blocks("daily_recurrence")) == 1
        if not daily or (backup.values.get("database"), backup.values.get("retention")) != ("(default)", "604800s"):
            yield f"{backup.address} does not keep a backup of each day for a week"


@rule
def documents_of_deleted_jobs_expire(plan: Plan) -> Iterator[str]:
    expiring = {}
    for field in plan.of("firestore_field"):
        if field.blocks("ttl_config"):
            expiring[field.values["collection"]] = field.values["field"]
            if field.block("ttl_config").get("expiration_offset"):
                yield f"{field.address}: the field already holds the time, without an offset"
            if not field.blocks("index_config") or field.block("index_config").get("indexes"):
                yield f"{field.address}: an index on a time stamp is a hot spot"
        if field.values.get("database") != "(default)":
            yield f"{field.address} names database {field.values.get('database')}"
    if expiring != EXPIRING:
        yield f"expiring: {expiring}"


@rule
def indexes_are_exactly_those_the_queries_need(plan: Plan) -> Iterator[str]:
    needed_indexes, needed_groups = firestore_queries.needed_indexes()
    indexes = {
        (index.values["collection"], tuple((one["field_path"], one["order"]) for one in index.blocks("fields")))
        for index in plan.of("firestore_index")
        if index.values.get("query_scope") == "COLLECTION" and index.values.get("database") == "(default)"
    }
    groups = {
        (field.values["collection"], field.values["field"])
        for field in plan.of("firestore_field")
        for index in field.block("index_config").get("indexes") or ()
        if index.get("query_scope") == "COLLECTION_GROUP" and index.get("order") == "ASCENDING"
    }
    singles = {
        (field.values["collection"], field.values["field"])
        for field in plan.of("firestore_field")
        for index in field.block("index_config").get("indexes") or ()
        if index.get("query_scope") == "COLLECTION" and index.get("order") == "ASCENDING"
    }
    if indexes != needed_indexes:
        yield f"missing {needed_indexes - indexes}, idle {indexes - needed_indexes}"
    if len(plan.of("firestore_index")) != len(indexes):
        yield "an index is for another database or scope"
    if groups != needed_groups or singles != needed_groups:
        yield f"indexes on single fields: {groups} and {singles}, not {needed_groups}"


def deletion_ages_days(plan: Plan, bucket: str) -> list[float]:
    """The age in days at which each rule of a bucket deletes."""
    (found,) = [one for one in plan.of("storage_bucket") if short_name(one) == bucket]
    return [condition.get("age") or 0 for action, condition in _life_cycle(found) if action == "Delete"]


def short_name(resource: Resource) -> str:
    return str(resource.values.get("name")).removeprefix(f"{PROJECT}-")


def bucket_of_grant(grant: Resource) -> str:
    return str(grant.values.get("bucket")).removeprefix(f"{PROJECT}-")


def _life_cycle(bucket: Resource) -> list[tuple[str, dict[str, Any]]]:
    return [(one["action"][0]["type"], one["condition"][0]) for one in bucket.blocks("lifecycle_rule")]


def _is_real(condition: dict[str, Any]) -> bool:
    return any(condition.get(name) for name in ("age", "num_newer_versions", "days_since_noncurrent_time"))
