"""Names and ids of resources that do not exist yet, so that a plan shows every member of a grant.

Only certain ones: they follow from the project, the location and the configuration.
"""

from typing import Any

PROJECT_NUMBER = "123456789012"

_NAMES = {
    "google_artifact_registry_repository": "projects/{project}/locations/{location}/repositories/{repository_id}",
    "google_cloud_run_v2_service": "projects/{project}/locations/{location}/services/{name}",
    "google_cloud_tasks_queue": "projects/{project}/locations/{location}/queues/{name}",
    "google_cloudfunctions2_function": "projects/{project}/locations/{location}/functions/{name}",
    "google_firestore_database": "projects/{project}/databases/{name}",
    "google_project_iam_custom_role": "projects/{project}/roles/{role_id}",
    "google_service_account": "projects/{project}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com",
    "google_storage_bucket": "{name}",
    "google_workflows_workflow": "projects/{project}/locations/{region}/workflows/{name}",
}
_MORE = {
    "google_service_account": {
        "email": "{account_id}@{project}.iam.gserviceaccount.com",
        "member": "serviceAccount:{account_id}@{project}.iam.gserviceaccount.com",
        "name": "{id}",
    },
    "google_storage_bucket": {"url": "gs://{name}"},
    "google_project_iam_custom_role": {"name": "{id}"},
}


def known(kind: str, planned: dict[str, Any], provider: dict[str, Any]) -> dict[str, str]:
    """Computed attributes of a resource that are known before the apply."""
    texts = {name: value for name, value in planned.items() if isinstance(value, str)}
    project = texts.get("project") or provider.get("project")
    if isinstance(project, str):
        texts["project"] = project
    region = provider.get("region")
    if isinstance(region, str):
        texts.setdefault("region", region)
    found = {"project": project} if isinstance(project, str) and "project" in planned else {}
    patterns = ({"id": _NAMES[kind]} if kind in _NAMES else {}) | _MORE.get(kind, {})
    for name, pattern in patterns.items():
        try:
            texts[name] = found[name] = pattern.format_map(texts if name == "id" else texts | found)
        except KeyError:
            continue
    return found


def labels(planned: dict[str, Any], provider: dict[str, Any]) -> dict[str, str] | None:
    """All labels of a resource, with the provider's default ones; None if some are unknown."""
    own, default = planned.get("labels") or {}, provider.get("default_labels") or {}
    return {**default, **own} if isinstance(own, dict) and isinstance(default, dict) else None


def data_source(kind: str, config: dict[str, Any], provider: dict[str, Any]) -> dict[str, Any]:
    project = config.get("project") or config.get("project_id") or provider.get("project")
    if kind == "google_project":
        return {"project_id": project, "number": PROJECT_NUMBER, "id": f"projects/{project}", "name": project}
    agent = f"service-{PROJECT_NUMBER}@gs-project-accounts.iam.gserviceaccount.com"
    return {"project": project, "email_address": agent, "member": f"serviceAccount:{agent}", "id": agent}
