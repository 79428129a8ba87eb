"""What the checkout declares and a plan must agree with: entry points, settings, infra/config."""

import json
import re
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

import typer

from client.cli import app
from client.configuration import DEBUG, TOKEN_COMMAND
from main import STEPS
from promptreel.settings import Settings
from tests.fakes.services import FakeServices
from tools.terraform.plan import NUMBER, PROJECT, REGION, VARIABLES
from tools.terraform.terraform import ROOT


@cache
def config(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "infra/config" / f"{name}.json").read_text(encoding="utf-8"))
    return document


def entry_points() -> set[str]:
    """The functions of functions/main.py."""
    return {*STEPS, "api"}


@cache
def clips_folder() -> str:
    """The folder below ``jobs/JOB`` into which Veo writes clips, taken from a clip that the fakes are asked for."""
    world = FakeServices()
    job = world.drawn()
    world.submit_queued()
    prefix, *_ = world.video.prefixes.values()
    return prefix.removeprefix(world.artifacts.uri(f"jobs/{job.id}/")).partition("/")[0]


# Service to what the account of a step that uses it must be allowed.
_NEEDS = {
    "jobs": {"database"},
    "artifacts": {"write artifacts"},
    "uploads": {"read uploads"},
    "text": {"vertex"},
    "images": {"vertex"},
    "video": {"vertex", "interact"},
    "queue": {"enqueue clips", "enqueue clips-high"},
    "inbox": {"read prompts", "write results"},
    "executions": {"execute"},
    "deliveries": {"enqueue webhooks"},
    "secrets": {"use signing-secrets"},
}


def needed_grants() -> dict[str, set[str]]:
    """Step to what its account must be allowed, by the services that it declares."""
    return {name: set().union(*(_NEEDS[service] for service in step.uses)) for name, step in STEPS.items()}


def timeouts_s() -> dict[str, int]:
    """The timeout of each service by its name with hyphens. The studio runs the API, so it has the API's."""
    services = config("services")["functions"] | config("services")["services"]
    limits = {name.replace("_", "-"): service["timeout_s"] for name, service in services.items()}
    return limits | {"studio": limits["api"]}


def settings_needed() -> set[str]:
    """The variables that have no default."""
    return {f"PROMPTREEL_{field.name.upper()}" for field in fields(Settings) if field.default is MISSING}


def settings() -> set[str]:
    """Every variable that the settings read."""
    return {f"PROMPTREEL_{field.name.upper()}" for field in fields(Settings)}


def client_settings() -> set[str]:
    """Every variable that the `promptreel` command reads."""
    commands = typer.main.get_group(app).commands.values()
    return {TOKEN_COMMAND, DEBUG} | {
        str(option.envvar) for command in commands for option in command.params if option.envvar
    }


def environment(service: str) -> dict[str, str]:
    """infra/config's variables for a service, with the test plan's names filled in."""
    services, access = config("services"), config("access")
    texts = services["env"] | (services["studio_env"] if service == "studio" else {})
    values = {
        "project": PROJECT,
        "region": REGION,
        "project_number": NUMBER,
        "veo_location": "us-central1",
        "veo_quota_per_minute": "50",
        "database": "(default)",
        "operators": ",".join(VARIABLES["operators"]),
        "picture_buckets": "",
        "max_active_jobs": "20",
        "requests_per_minute": "600",
    }
    values |= {f"bucket.{name}": text.replace("{project}", PROJECT) for name, text in services["buckets"].items()}
    for name in (*services["functions"], *services["services"], "studio"):
        values[f"url.{name}"] = f"https://{name.replace('_', '-')}-{NUMBER}.{REGION}.run.app"
    values |= {
        f"account.{name}": f"{one}@{PROJECT}.iam.gserviceaccount.com" for name, one in access["accounts"].items()
    }
    return {name: re.sub(r"\{([\w.]+)\}", lambda found: values[found[1]], text) for name, text in texts.items()}
