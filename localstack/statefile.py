"""What the running stack tells the world: one JSON file, whole at every moment, and the variables a shell needs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localstack.deployment import fill_all
from localstack.site import Site


def document(site: Site, pids: Mapping[str, int], tokens: Mapping[str, str]) -> dict[str, Any]:
    return {
        "api": site.url("api"),
        "workflows_rest": site.url("workflows"),
        "workflows_grpc": site.host("workflows_grpc"),
        "vertex": site.url("vertex"),
        "tasks": site.url("tasks"),
        "tasks_grpc": site.host("tasks_grpc"),
        "eventarc": site.url("eventarc"),
        "scheduler": site.url("scheduler"),
        "scheduler_grpc": site.host("scheduler_grpc"),
        "storage": site.url("storage"),
        "firestore": site.firestore_host,
        "stitcher": site.url("stitcher"),
        "metadata": site.host("metadata"),
        "logs": str(site.logs),
        "processes": dict(sorted(pids.items())),
        "tokens": dict(tokens),
        "env": shell_env(site, tokens),
    }


def shell_env(site: Site, tokens: Mapping[str, str]) -> dict[str, str]:
    """For gcloud, the client libraries and the `promptreel` command, all pointed at this stack."""
    deployed = fill_all(site.deployment.env, site.placeholders())
    overrides = {
        "WORKFLOWS": "workflows",
        "WORKFLOWEXECUTIONS": "workflows",
        "CLOUDTASKS": "tasks",
        "CLOUDSCHEDULER": "scheduler",
    }
    return {
        "CLOUDSDK_CONFIG": str(site.run_dir / "gcloud"),
        "CLOUDSDK_CORE_PROJECT": site.project,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        **{f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}": f"{site.url(name)}/" for api, name in overrides.items()},
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE": f"{site.url('storage')}/storage/v1/",
        **site.store_env(),
        "GCE_METADATA_HOST": site.host("metadata"),
        "GCE_METADATA_IP": site.host("metadata"),
        "GOOGLE_CLOUD_PROJECT": site.project,
        **{name: value for name, value in deployed.items() if name.endswith("_BUCKET")},
        "PROMPTREEL_API": site.url("api"),
        "PROMPTREEL_TOKEN": tokens.get("owner", ""),
    }


def replace(path: Path, content: Mapping[str, Any]) -> None:
    """Readers see the old file or the new one, never half of either."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, indent=2))
    draft.replace(path)
