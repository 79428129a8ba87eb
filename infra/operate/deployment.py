"""``make bootstrap``, ``make deploy`` and ``make destroy``. Every step may be repeated."""

import json
import re
import secrets
import subprocess

from infra.operate.shell import INFRA, ROOT, CommandFailed, Shell
from infra.operate.target import Deployed, Target, account, region, variables

# Terraform needs these to start; it enables the others itself (apis.tf).
FIRST_APIS = ("cloudresourcemanager", "serviceusage", "iam", "storage", "cloudbilling", "billingbudgets")

# Services whose agents must exist before they get a grant or read something. Google creates them at the first use, some
# of them minutes later.
SERVICE_AGENTS = (
    "aiplatform",
    "artifactregistry",
    "cloudfunctions",
    "eventarc",
    "firestore",
    "iap",
    "run",
    "workflows",
)

# What the images' build needs, and what takes minutes to propagate: the build lasts about as long.
FIRST_RESOURCES = (
    "google_project_service.this",
    "google_artifact_registry_repository_iam_member.build_writes",
    "google_project_iam_member.build_logs",
    "google_project_iam_member.build_reads_staged_source",
    "google_project_iam_member.eventarc_receives",
    "google_project_iam_member.eventarc_starts",
    "google_project_iam_member.storage_publishes",
    "google_storage_bucket_iam_member.build_reads_source",
    "google_logging_metric.this",
)
IMAGES = ("stitcher", "studio")
PLAN, FIRST_PLAN = "build/plan.bin", "build/first.bin"


def bootstrap(target: Target, shell: Shell) -> Deployed:
    """Create the state's bucket and the service agents, enable the first APIs, and return what is deployed.

    Raises:
        CommandFailed: the state's bucket belongs to another project.
    """
    project = f"--project={target.project}"
    apis = [f"{name}.googleapis.com" for name in (*FIRST_APIS, *SERVICE_AGENTS)]
    shell.run("gcloud", "services", "enable", *apis, project)
    bucket = f"gs://{target.state_bucket}"
    if _owns_state_bucket(target, bucket, shell):
        deployed = _read(target, shell)
        region(target, deployed)
    else:
        place = f"--location={region(target, Deployed({}, ()))}"
        shell.run(
            "gcloud", "storage", "buckets", "create", bucket, project, place,
            "--uniform-bucket-level-access", "--public-access-prevention",
        )  # fmt: skip
        deployed = _read(target, shell)
    shell.run("gcloud", "storage", "buckets", "update", bucket, "--versioning", project)
    for name in SERVICE_AGENTS:
        service = f"--service={name}.googleapis.com"
        shell.run("gcloud", "beta", "services", "identity", "create", service, project, "--quiet")
    return deployed


def _owns_state_bucket(target: Target, bucket: str, shell: Shell) -> bool:
    """Whether the bucket exists in this project. Bucket names are global, so another project may have taken this one.

    Raises:
        CommandFailed: it belongs to another project, whose owner would get the state.
    """
    if shell.dry_run or not shell.run(
        "gcloud", "storage", "buckets", "describe", bucket, "--format=value(name)", tolerated=True
    ):
        return False
    owner = shell.ask(
        "gcloud", "storage", "buckets", "describe", bucket, "--raw", "--format=value(projectNumber)", answer="owner"
    )
    number = shell.ask(
        "gcloud", "projects", "describe", target.project, "--format=value(projectNumber)", answer="project number"
    )
    if owner != number:
        raise CommandFailed(
            f"{bucket} belongs to project number {owner or 'unknown'}, not to {target.project} ({number}): the name "
            "is taken, and its owner would be given the state. Use a project with another id"
        )
    return True


def _read(target: Target, shell: Shell) -> Deployed:
    shell.run(*target.init())
    return Deployed.read(target, shell)


def deploy(target: Target, shell: Shell) -> None:
    """Build both images, show the plan, and apply it when the operator agrees."""
    deployed = bootstrap(target, shell)
    given = variables(target, deployed, shell)
    _warn_if_not_operator(target, deployed, shell)
    if not shell.dry_run:
        (INFRA / PLAN).parent.mkdir(exist_ok=True)
    _apply_first_resources(target, shell, given)
    images = target.images(region(target, deployed))
    _build(target, shell, images)
    chosen = [f"-var={name}_image={_digest(target, shell, f'{images}/{name}')}" for name in IMAGES]
    shell.run(*target.terraform("plan", f"-out={PLAN}", *given, *chosen))
    if not shell.confirmed("This plan will be applied.", "yes"):
        raise CommandFailed("nothing was applied")
    shell.run(*target.terraform("apply", PLAN))  # it ends with the outputs


def _warn_if_not_operator(target: Target, deployed: Deployed, shell: Shell) -> None:
    """Print a warning if the account that deploys is no operator; a deployment by it must keep the operators."""
    groups = any(one.startswith("group:") for one in deployed.operators)
    if shell.dry_run or target.operators or not deployed.operators or groups:
        return
    if account(shell) not in deployed.operators:
        all_operators = ",".join((*deployed.operators, account(shell)))
        shell.say(f"You are no operator of this deployment, which stays with {', '.join(deployed.operators)}.")
        shell.say(f"To become one: make deploy PROJECT={target.project} OPERATORS={all_operators}")


def _apply_first_resources(target: Target, shell: Shell, given: list[str]) -> None:
    """Apply `FIRST_RESOURCES`, with a confirmation if the plan deletes something."""
    targets = [f"-target={name}" for name in FIRST_RESOURCES]
    shell.run(*target.terraform("plan", f"-out={FIRST_PLAN}", *targets, *given))
    shown = shell.ask(*target.terraform("show", "-json", FIRST_PLAN), answer="plan")
    changes = [] if shell.dry_run else json.loads(shown).get("resource_changes", [])
    lost = [one["address"] for one in changes if "delete" in one["change"]["actions"]]
    if lost and not shell.confirmed(f"This first plan deletes or replaces {', '.join(lost)}.", "yes"):
        raise CommandFailed("nothing was applied")
    shell.run(*target.terraform("apply", FIRST_PLAN))


def destroy(target: Target, shell: Shell) -> None:
    """Delete everything, films too, except the state's bucket; Google keeps some names blocked (docs/deploy.md).

    May be repeated after any failure, also of a deployment: it only touches what the state names.
    """
    if not shell.confirmed("Everything in it is deleted, every film.", target.project):
        raise CommandFailed("nothing was deleted")
    deployed = _read(target, shell)
    if not shell.dry_run and not deployed.resources:
        shell.say(f"Nothing is deployed in {target.project}.")
        return
    _stop_writers(target, region(target, deployed), shell)
    images = {name: image for name, image in deployed.outputs.get("deployed", {}).items() if image}
    given = variables(target, deployed, shell, **images, protected="false")
    protected = [f"-target={address}" for address in _protected(deployed, shell)]
    if protected:
        shell.run(*target.terraform("apply", "-auto-approve", *protected, *given))
    for bucket in ["<bucket>"] if shell.dry_run else deployed.buckets:
        objects = f"{bucket}/**"
        shell.run("gcloud", "storage", "rm", "--all-versions", objects, f"--project={target.project}", tolerated=True)
    shell.run(*target.terraform("destroy", "-auto-approve", *given))


def _stop_writers(target: Target, place: str, shell: Shell) -> None:
    """Stop sweeps, queues and executions, so that nothing writes while the buckets are emptied."""
    where = (f"--location={place}", f"--project={target.project}")
    services, queues = (json.loads((INFRA / f"config/{name}.json").read_text()) for name in ("services", "queues"))
    for schedule in services["schedules"]:
        shell.run("gcloud", "scheduler", "jobs", "pause", schedule.replace("_", "-"), *where, tolerated=True)
    for queue in (name for name in queues if name != "comment"):
        shell.run("gcloud", "tasks", "queues", "pause", queue, *where, tolerated=True)
    film = f"--workflow={services['workflow']['name']}"
    running = shell.ask(
        "gcloud", "workflows", "executions", "list", services["workflow"]["name"], *where,
        "--filter=state=ACTIVE", "--format=value(name.basename())", answer="execution", tolerated=True,
    )  # fmt: skip
    for execution in running.split():
        shell.run("gcloud", "workflows", "executions", "cancel", execution, film, *where, tolerated=True)


def _protected(deployed: Deployed, shell: Shell) -> list[str]:
    """Addresses in the state of resources with deletion protection, whose block reads var.protected."""
    if shell.dry_run:
        return ["<protected resource>"]
    configuration = "\n".join(file.read_text(encoding="utf-8") for file in INFRA.glob("*.tf"))
    blocks = re.findall(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', configuration, re.MULTILINE | re.DOTALL)
    kinds = {(kind, name) for kind, name, body in blocks if "var.protected" in body}
    return [one["address"] for one in deployed.resources if (one["type"], one["name"]) in kinds]


def _build(target: Target, shell: Shell, images: str) -> None:
    """Build the images of this commit that the repository lacks."""
    missing = [name for name in IMAGES if not _is_built(target, shell, f"{images}/{name}")]
    if not missing:
        return
    bucket = shell.ask(*target.terraform("output", "-raw", "source_bucket"), answer="source bucket")
    wanted = ",".join(f"_{name.upper()}={'yes' if name in missing else 'no'}" for name in IMAGES)
    try:
        shell.run(
            "gcloud", "builds", "submit", ".", "--config=infra/build.yaml", f"--project={target.project}",
            f"--gcs-source-staging-dir={bucket}/builds",
            f"--substitutions=_IMAGES={images},_TAG={target.tag},{wanted}",
        )  # fmt: skip
    except CommandFailed as failed:
        page = f"https://console.cloud.google.com/cloud-build/builds?project={target.project}"
        raise CommandFailed(f"{failed}. The build's log: {page}") from failed


def _is_built(target: Target, shell: Shell, image: str) -> bool:
    found = shell.run(
        "gcloud", "artifacts", "docker", "images", "describe", f"{image}:{target.tag}",
        f"--project={target.project}", "--format=value(image_summary.digest)", tolerated=True,
    )  # fmt: skip
    return found and not shell.dry_run


def _digest(target: Target, shell: Shell, image: str) -> str:
    digest = shell.ask(
        "gcloud", "artifacts", "docker", "images", "describe", f"{image}:{target.tag}",
        f"--project={target.project}", "--format=value(image_summary.digest)",
        answer=f"{image.rpartition('/')[2]} digest",
    )  # fmt: skip
    return f"{image}@{digest}"


def commit(shell: Shell) -> str:
    """The checkout's commit as a tag; with a random suffix if there are uncommitted changes."""
    if shell.dry_run:
        return "<commit>"
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],  # noqa: S607 - git is on the operator's path
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    name = found.stdout.strip() or "unknown"
    return name if not name.endswith("dirty") and name != "unknown" else f"{name}-{secrets.token_hex(4)}"
