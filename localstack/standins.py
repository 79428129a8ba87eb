"""The stand-ins as programs: each with its ports, its state's folder and the others it must know."""

import sys
from collections.abc import Mapping
from pathlib import Path

from localstack import wiring
from localstack.program import Program
from localstack.site import Site

_MAIN_HEALTH = "/_local/health"


def stand_in_programs(site: Site, profile: Path | None) -> list[Program]:
    """All that are ours; the programs that keep documents and objects are in stores.py."""
    port = {name: str(number) for name, number in site.ports.items()}
    keys = str(site.state_dir("keys"))
    return [
        _ours(
            site,
            "metadata",
            ("--port", port["metadata"], "--state-dir", keys, "--project", site.project),
            ("--identities", wiring.written(site, "identities", wiring.identities(site))),
        ),
        _ours(site, "iamcredentials", ("--port", port["iamcredentials"], "--state-dir", keys)),
        _ours(
            site,
            "media",
            ("--port", port["media"], "--backend", site.url("storage")),
            ("--certs-url", f"{site.url('iamcredentials')}/robot/v1/metadata/x509"),
        ),
        _ours(
            site,
            "vertex",
            ("--port", port["vertex"], "--state-dir", str(site.state_dir("vertex"))),
            # Without a profile: Vertex's own latencies, which are small already, at the stack's pace.
            (
                "--profile",
                str(profile.resolve()) if profile else wiring.written(site, "vertex", {"time_scale": site.pace}),
            ),
            env=site.store_env(),
        ),
        _ours(
            site,
            "tasks",
            ("--port", port["tasks"], "--grpc-port", port["tasks_grpc"]),
            ("--state-dir", str(site.state_dir("tasks"))),
            env=site.identity_env("tasks"),
        ),
        _ours(
            site,
            "workflows",
            ("--rest-port", port["workflows"], "--grpc-port", port["workflows_grpc"]),
            ("--host-map", wiring.written(site, "hosts", wiring.hosts(site))),
            ("--state-dir", str(site.state_dir("workflows"))),
            env=site.identity_env("workflow") | site.store_env(),
        ),
        _ours(
            site,
            "eventarc",
            ("--port", port["eventarc"], "--pubsub-port", port["pubsub"]),
            ("--config", wiring.written(site, "eventarc", wiring.eventarc(site))),
            ("--state-dir", str(site.state_dir("eventarc"))),
            env=site.identity_env("eventarc") | site.store_env(),
        ),
        _ours(
            site,
            "scheduler",
            ("--port", port["scheduler"], "--grpc-port", port["scheduler_grpc"]),
            ("--state-dir", str(site.state_dir("scheduler"))),
            ("--periods", wiring.written(site, "periods", wiring.periods(site))),
            env=site.identity_env("scheduler"),
        ),
        _gate(site),
    ]


def _ours(site: Site, name: str, *options: tuple[str, ...], env: Mapping[str, str] | None = None) -> Program:
    flat = tuple(word for group in options for word in group)
    return Program(
        name=name,
        argv=(sys.executable, "-m", "localcloud", name, *flat),
        cwd=site.root,
        env=site.base_env() | dict(env or {}),
        health_urls=(site.url(name) + _MAIN_HEALTH,),
    )


def _gate(site: Site) -> Program:
    """It has no listener of its own, one for each service instead."""
    return Program(
        name="gate",
        argv=(sys.executable, "-m", "localcloud", "gate", "--config", wiring.written(site, "gate", wiring.gate(site))),
        cwd=site.root,
        env=site.base_env(),
        health_urls=tuple(site.url(service.name) + _MAIN_HEALTH for service in site.deployment.services),
    )
