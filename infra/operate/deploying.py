"""From an empty project with billing to a running deployment, and away again. Every step may be done twice."""

import json
import secrets
import subprocess

from infra.operate.shell import INFRA, ROOT, CommandFailed, Shell
from infra.operate.target import Target

# Before Terraform can ask anything at all; the rest it switches on itself (apis.tf).
FIRST_APIS = ("cloudresourcemanager", "serviceusage", "iam", "storage", "cloudbilling", "billingbudgets")

# Services whose own agents must exist before something is granted to them or they read something. Google makes them on
# first use, some only minutes later.
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

# What the images need before they can be built, and what needs minutes to spread, which the images' build gives it.
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
PLAN = "build/plan.bin"


def bootstrap(target: Target, shell: Shell) -> None:
    """The state's bucket, the first APIs, and the service agents that Google would make too late."""
    project = f"--project={target.project}"
    apis = [f"{name}.googleapis.com" for name in (*FIRST_APIS, *SERVICE_AGENTS)]
    shell.run("gcloud", "services", "enable", *apis, project)
    bucket = f"gs://{target.state_bucket}"
    if shell.dry_run or not shell.run(
        "gcloud", "storage", "buckets", "describe", bucket, project, "--format=value(name)", tolerated=True
    ):
        shell.run(
            "gcloud", "storage", "buckets", "create", bucket, project, f"--location={target.region}",
            "--uniform-bucket-level-access", "--public-access-prevention",
        )  # fmt: skip
    shell.run("gcloud", "storage", "buckets", "update", bucket, "--versioning", project)
    for name in SERVICE_AGENTS:
        service = f"--service={name}.googleapis.com"
        shell.run("gcloud", "beta", "services", "identity", "create", service, project, "--quiet")
    shell.run(*target.terraform("init", "-reconfigure", f"-backend-config=bucket={target.state_bucket}"))


def deploy(target: Target, shell: Shell) -> None:
    """Build both images, show the plan, and apply it when the operator agrees."""
    bootstrap(target, shell)
    variables = target.variables(shell)
    targets = [f"-target={name}" for name in FIRST_RESOURCES]
    shell.run(*target.terraform("apply", "-auto-approve", *targets, *variables))
    _build(target, shell)
    if not shell.dry_run:
        (INFRA / PLAN).parent.mkdir(exist_ok=True)
    images = [f"-var={name}_image={_digest(target, shell, name)}" for name in ("stitcher", "studio")]
    shell.run(*target.terraform("plan", f"-out={PLAN}", *variables, *images))
    if not shell.confirmed("This plan will be applied.", "yes"):
        raise CommandFailed("nothing was applied")
    shell.run(*target.terraform("apply", PLAN))  # it ends with the outputs


def destroy(target: Target, shell: Shell) -> None:
    """Everything away, films too; the state's bucket and what Google keeps blocked (docs/deploy.md) stay."""
    if not shell.confirmed("Everything in it is deleted, every film.", target.project):
        raise CommandFailed("nothing was deleted")
    shell.run(*target.terraform("init", "-reconfigure", f"-backend-config=bucket={target.state_bucket}"))
    running = shell.ask(*target.terraform("output", "-json", "deployed"), answer="deployed")
    images = json.loads(running) if not shell.dry_run else {"stitcher_image": running, "studio_image": running}
    variables = target.variables(shell, **images, protected="false")
    shell.run(*target.terraform("apply", "-auto-approve", *variables))
    stored = shell.ask(*target.terraform("output", "-json", "buckets"), answer="buckets")
    buckets = [stored] if shell.dry_run else list(json.loads(stored).values())
    for bucket in (*buckets, _source_bucket(target, shell)):
        objects = f"{bucket}/**"
        shell.run("gcloud", "storage", "rm", "--all-versions", objects, f"--project={target.project}", tolerated=True)
    shell.run(*target.terraform("destroy", "-auto-approve", *variables))


def _build(target: Target, shell: Shell) -> None:
    """Both images, unless this commit's are in the repository already."""
    standing = [
        shell.run(
            "gcloud", "artifacts", "docker", "images", "describe", f"{target.images}/{name}:{target.tag}",
            f"--project={target.project}", "--format=value(image_summary.digest)", tolerated=True,
        )
        for name in ("stitcher", "studio")
    ]  # fmt: skip
    if all(standing) and not shell.dry_run:
        return
    shell.run(
        "gcloud", "builds", "submit", ".", "--config=infra/build.yaml", f"--project={target.project}",
        f"--gcs-source-staging-dir={_source_bucket(target, shell)}/builds",
        f"--substitutions=_IMAGES={target.images},_TAG={target.tag}",
    )  # fmt: skip


def _source_bucket(target: Target, shell: Shell) -> str:
    return shell.ask(*target.terraform("output", "-raw", "source_bucket"), answer="source bucket")


def _digest(target: Target, shell: Shell, name: str) -> str:
    image = f"{target.images}/{name}"
    digest = shell.ask(
        "gcloud", "artifacts", "docker", "images", "describe", f"{image}:{target.tag}",
        f"--project={target.project}", "--format=value(image_summary.digest)", answer=f"{name} digest",
    )  # fmt: skip
    return f"{image}@{digest}"


def commit(shell: Shell) -> str:
    """The checkout's commit; what is not committed gets a name of its own."""
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
