"""The files that tell the stand-ins about each other: who is who, who may call what, what fires what."""

import json
from typing import Any

from localstack.deployment import job_id
from localstack.site import Site, backend_listener, identity_listener


def identities(site: Site) -> dict[str, Any]:
    """The metadata server's: an own listener for each service account."""
    return {"listeners": {site.ports[identity_listener(name)]: site.account(name) for name in site.deployment.accounts}}


def hosts(site: Site) -> dict[str, str]:
    """Google's origins that a workflow's connectors call, beside those its environment names."""
    return {
        "https://cloudtasks.googleapis.com": site.url("tasks"),
        "https://pubsub.googleapis.com": f"http://{site.host('pubsub')}",
    }


def gate(site: Site) -> dict[str, Any]:
    services = [
        {
            "name": service.name,
            "port": site.ports[service.name],
            "backend": site.url(backend_listener(service.name)),
            "audience": site.url(service.name),
            "invokers": [site.account(invoker) for invoker in service.invokers],
            "people": service.people,
            "timeout_s": service.timeout_s,
            "capacity": service.concurrency * service.instances,
        }
        for service in site.deployment.services
    ]
    return {"certs_url": f"{site.url('metadata')}/oauth2/v1/certs", "services": services}


def periods(site: Site) -> dict[str, float]:
    """How often a scheduled job runs here, in seconds: its own schedule is kept, and shown, but nobody waits for it."""
    return {job_id(name): schedule["local_every_s"] for name, schedule in site.deployment.schedules.items()}


def eventarc(site: Site) -> dict[str, Any]:
    triggers = [
        {
            "name": name,
            "bucket": site.bucket(trigger["bucket"]),
            "event": trigger["event"],
            "account": site.account("eventarc"),
            "workflow": f"{site.location()}/workflows/{site.deployment.workflow.name}",
            "workflows_url": site.url("workflows"),
        }
        for name, trigger in site.deployment.triggers.items()
    ]
    return {"triggers": triggers}


def written(site: Site, name: str, document: dict[str, Any]) -> str:
    """The path of the document, written into the run's folder."""
    path = site.folder("config") / f"{name}.json"
    path.write_text(json.dumps(document, indent=2))
    return str(path)
