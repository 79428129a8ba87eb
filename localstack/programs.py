"""Every program of the stack: its command line, its environment, and the configuration file it is given.

Three groups: the stores (Firestore and Cloud Storage), the stand-ins for Google's other services, and the product's own
services, one process for each function and container.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.serving import LOOPBACK
from localstack import firebase_tools
from localstack.deployment import Service, fill_all, job_id
from localstack.emulators import find_firestore, gcloud_jar, object_store_command
from localstack.layout import REPLICATE_TOKEN, Layout, backend_listener, identity_listener
from localstack.supervisor import HANG_S, Program

EVENTS_TOPIC = "storage-events"
OWN, FIREBASE = "own", "firebase"

_HEALTH = "/_local/health"


def store_programs(layout: Layout, emulators: str) -> list[Program]:
    """The stores: gcloud's or firebase-tools' Firestore emulator and fake-gcs-server, or firebase-tools' two emulators.

    firebase-tools knows no generation preconditions and reports no changes; Eventarc's stand-in then finds them by
    listing.

    Raises:
        EmulatorMissing: this machine lacks one of them.
    """
    env = layout.base_env()
    if emulators == FIREBASE:
        ports, tools = (layout.ports["firestore"], layout.ports["storage"]), layout.root / firebase_tools.TOOLS_FOLDER
        return [firebase_tools.program(env, layout.folder("firebase"), layout.project, *ports, tools=tools)]
    if "FIRESTORE_EMULATOR_HOST" in layout.inherited:
        return [_object_store(layout)]
    fetched = layout.root / firebase_tools.TOOLS_FOLDER
    if (fetched / "firebase").exists() and gcloud_jar(env.get("PATH")) is None:
        port, folder = layout.ports["firestore"], layout.folder("firebase")
        return [firebase_tools.program(env, folder, layout.project, port, None, tools=fetched), _object_store(layout)]
    firestore = find_firestore(env, layout.ports["firestore"], layout.run_dir, layout.project)
    return [firestore.program(layout.run_dir, env, layout.firestore_host), _object_store(layout)]


def _object_store(layout: Layout) -> Program:
    """fake-gcs-server; it reports new objects of one bucket to Eventarc's stand-in through Pub/Sub."""
    watched = {trigger["bucket"] for trigger in layout.deployment.triggers.values()}
    if len(watched) > 1:
        raise ValueError(f"fake-gcs-server reports the events of one bucket, not of {sorted(watched)}")
    events: tuple[str, ...] = ()
    for bucket in watched:
        events = ("-event.pubsub-project-id", layout.project, "-event.pubsub-topic", EVENTS_TOPIC)
        events += ("-event.bucket", layout.bucket(bucket), "-event.list", "finalize")
    return Program(
        name="storage",
        argv=object_store_command(layout.run_dir, layout.ports["storage"]) + events,
        cwd=layout.run_dir,
        env=layout.base_env() | {"PUBSUB_EMULATOR_HOST": layout.host("pubsub")},
        health_urls=(f"{layout.url('storage')}/_internal/healthcheck",),
    )


def stand_in_programs(layout: Layout, profile: Path | None) -> list[Program]:
    """The stand-ins of localcloud, each with its ports, its state's folder and the others it calls."""
    port = {name: str(number) for name, number in layout.ports.items()}
    keys = str(layout.state_dir("keys"))
    # Without a profile: the stand-ins' own latencies, which are small already, at the stack's pace.
    models = str(profile.resolve()) if profile else _write_config(layout, "models", {"time_scale": layout.pace})
    ahead = ("--clock-ahead-s", str(layout.clock_ahead_s))
    return [
        _stand_in(
            layout,
            "metadata",
            ("--port", port["metadata"], "--state-dir", keys, "--project", layout.project),
            ("--identities", _write_config(layout, "identities", identities(layout))),
        ),
        _stand_in(layout, "iamcredentials", ("--port", port["iamcredentials"], "--state-dir", keys)),
        _stand_in(
            layout,
            "secretmanager",
            ("--port", port["secretmanager"], "--keys-dir", keys, "--state-dir", str(layout.state_dir("secrets"))),
            ("--permissions", _write_config(layout, "secret-permissions", secret_permissions(layout))),
        ),
        _stand_in(
            layout,
            "media",
            ("--port", port["media"], "--backend", layout.url("storage")),
            ("--certs-url", f"{layout.url('iamcredentials')}/robot/v1/metadata/x509"),
        ),
        _stand_in(
            layout,
            "vertex",
            ("--port", port["vertex"], "--state-dir", str(layout.state_dir("vertex"))),
            ("--profile", models, *ahead),
            env=layout.store_env(),
        ),
        _stand_in(
            layout,
            "replicate",
            ("--port", port["replicate"], "--state-dir", str(layout.state_dir("replicate"))),
            ("--profile", models, "--token", REPLICATE_TOKEN, *ahead),
        ),
        _stand_in(
            layout,
            "tasks",
            ("--port", port["tasks"], "--grpc-port", port["tasks_grpc"]),
            ("--state-dir", str(layout.state_dir("tasks"))),
            env=layout.identity_env("tasks"),
        ),
        _stand_in(
            layout,
            "workflows",
            ("--rest-port", port["workflows"], "--grpc-port", port["workflows_grpc"]),
            ("--host-map", _write_config(layout, "hosts", host_map(layout))),
            ("--state-dir", str(layout.state_dir("workflows"))),
            env=layout.identity_env("workflow") | layout.store_env(),
        ),
        _stand_in(
            layout,
            "eventarc",
            ("--port", port["eventarc"], "--pubsub-port", port["pubsub"]),
            ("--config", _write_config(layout, "eventarc", triggers(layout))),
            ("--state-dir", str(layout.state_dir("eventarc"))),
            env=layout.identity_env("eventarc") | layout.store_env(),
        ),
        _stand_in(
            layout,
            "scheduler",
            ("--port", port["scheduler"], "--grpc-port", port["scheduler_grpc"]),
            ("--state-dir", str(layout.state_dir("scheduler"))),
            ("--periods", _write_config(layout, "periods", periods_s(layout))),
            env=layout.identity_env("scheduler"),
        ),
        # The gate has a listener for each service instead of one of its own.
        _stand_in(
            layout,
            "gate",
            ("--config", _write_config(layout, "gate", gate(layout))),
            listeners=[service.name for service in layout.deployment.services],
        ),
    ]


def _stand_in(
    layout: Layout,
    name: str,
    *options: tuple[str, ...],
    env: Mapping[str, str] | None = None,
    listeners: list[str] | None = None,
) -> Program:
    return Program(
        name=name,
        argv=(sys.executable, "-m", "localcloud", name, *(word for group in options for word in group)),
        cwd=layout.root,
        env=layout.base_env() | dict(env or {}),
        health_urls=tuple(layout.url(listener) + _HEALTH for listener in listeners or [name]),
    )


def identities(layout: Layout) -> dict[str, Any]:
    """The metadata server's configuration: one listener for each service account."""
    accounts = layout.deployment.accounts
    return {"listeners": {layout.ports[identity_listener(name)]: layout.account(name) for name in accounts}}


def secret_permissions(layout: Layout) -> dict[str, list[str]]:
    """What Terraform's roles let each account do with the signing secrets (infra/secrets.tf)."""
    of_verb = {
        "create": ["secretmanager.secrets.create"],
        "keep": ["secretmanager.versions.add", "secretmanager.versions.destroy"],
        "use": ["secretmanager.versions.access"],
    }
    return {
        layout.account(name): [one for grant in grants for one in of_verb.get(grant.partition(" ")[0], ())]
        for name, grants in layout.deployment.grants.items()
    }


def host_map(layout: Layout) -> dict[str, str]:
    """Where a workflow's connectors go instead of Google; other addresses come from the workflow's environment."""
    return {
        "https://cloudtasks.googleapis.com": layout.url("tasks"),
        "https://pubsub.googleapis.com": f"http://{layout.host('pubsub')}",
    }


def gate(layout: Layout) -> dict[str, Any]:
    """The gate's configuration: who may call which service, and how many calls it takes at once."""
    services = [
        {
            "name": service.name,
            "port": layout.ports[service.name],
            "backend": layout.url(backend_listener(service.name)),
            "audience": layout.url(service.name),
            "invokers": [layout.account(invoker) for invoker in service.invokers],
            "people": service.people,
            "timeout_s": service.timeout_s,
            "capacity": service.concurrency * service.instances,
        }
        for service in layout.deployment.services
    ]
    return {"certs_url": f"{layout.url('metadata')}/oauth2/v1/certs", "services": services}


def periods_s(layout: Layout) -> dict[str, float]:
    """How often each scheduled job runs locally; the schedule itself, in minutes, would be too slow."""
    return {job_id(name): schedule["local_every_s"] for name, schedule in layout.deployment.schedules.items()}


def triggers(layout: Layout) -> dict[str, Any]:
    """Eventarc's configuration: which bucket's events start the workflow."""
    found = [
        {
            "name": name,
            "bucket": layout.bucket(trigger["bucket"]),
            "event": trigger["event"],
            "account": layout.account("eventarc"),
            "workflow": f"{layout.location()}/workflows/{layout.deployment.workflow.name}",
            "workflows_url": layout.url("workflows"),
        }
        for name, trigger in layout.deployment.triggers.items()
    ]
    return {"triggers": found}


def _write_config(layout: Layout, name: str, document: dict[str, Any]) -> str:
    path = layout.folder("config") / f"{name}.json"
    path.write_text(json.dumps(document, indent=2))
    return str(path)


def service_programs(layout: Layout) -> list[Program]:
    """The product's services, as they would run on Cloud Run, but on loopback."""
    return [_service(layout, service) for service in layout.deployment.services]


def _service(layout: Layout, service: Service) -> Program:
    listener = backend_listener(service.name)
    port = str(layout.ports[listener])
    command = _function_command(service, port) if service.is_function else _container_command(service, port)
    return Program(
        name=service.name,
        argv=(sys.executable, "-m", *command),
        cwd=layout.root,
        env={
            **layout.base_env(),
            **fill_all(layout.deployment.env, layout.placeholders()),
            **layout.identity_env(service.name),
            **layout.store_env(),
            "THREADS": str(service.concurrency * service.instances),  # one process stands for all instances
            # gunicorn puts a control socket there; by default all of them the same one in the home folder.
            "XDG_RUNTIME_DIR": str(layout.folder("sockets", service.name)),
        },
        # The framework answers this path itself, with 404; any other path would call the function.
        health_urls=(f"{layout.url(listener)}/robots.txt",),
        hang_s=HANG_S if service.is_function else None,
    )


def _function_command(service: Service, port: str) -> tuple[str, ...]:
    source = ("--source", "functions/main.py", "--signature-type", "http")
    return ("functions_framework", "--target", service.name, *source, "--host", LOOPBACK, "--port", port)


def _container_command(service: Service, port: str) -> tuple[str, ...]:
    """The Dockerfile's command: its image sets the number of threads, not its concurrency."""
    workers = ("--workers", "1", "--threads", "4", "--timeout", "0")
    return ("gunicorn", "--bind", f"{LOOPBACK}:{port}", *workers, f"{service.name}_service.main:app")
