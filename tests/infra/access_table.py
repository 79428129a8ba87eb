"""Every grant of the deployment. A test compares it with the plan in both directions.

Reviewed by hand; never generated from the plan. Names as in infra/config/access.json, without "film-".
"""

from tools.terraform.plan import NUMBER, PROJECT, REGION

_DATABASE = f'resource.name == "projects/{PROJECT}/databases/(default)"'
_STAGED = f'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-{NUMBER}-{REGION}")'
_REFERENCES = (
    f'resource.name.extract("{PROJECT}-artifacts/objects/jobs/{{job}}/references/") != "" || '
    f'resource.name.startsWith("projects/_/buckets/{PROJECT}-artifacts/objects/intake/")'
)
_SECRETS = f'resource.name.startsWith("projects/{NUMBER}/secrets/promptreel-webhooks-")'
_TELLS_OF_EVENTS = "write-storyboard submit-clip poll-clips close-job fail-job sweep-jobs deliver-webhook api studio"
_CLIPS = f'resource.name.extract("{PROJECT}-artifacts/objects/jobs/{{job}}/clips/") != ""'

# Role, resource, condition: members.
TABLE: dict[tuple[str, str, str], str] = {
    # The whole project: these cannot be granted on less.
    ("promptreelInteractor", "project", ""): "submit-clip poll-clips sweep-jobs",
    ("promptreelPredictor", "project", ""): (
        "write-storyboard draw-sheet draw-keyframe check-continuity submit-clip poll-clips sweep-jobs"
    ),
    ("roles/datastore.user", "project", _DATABASE): (
        "open-job write-storyboard draw-sheet draw-keyframe check-continuity submit-clip poll-clips close-job fail-job "
        "sweep-jobs deliver-webhook api studio stitcher"
    ),
    ("promptreelSecretCreator", "project", ""): "api studio",
    ("promptreelSecretKeeper", "project", _SECRETS): "api studio",
    ("roles/secretmanager.secretAccessor", "project", _SECRETS): "api studio deliver-webhook",
    ("roles/eventarc.eventReceiver", "project", ""): "eventarc",
    ("roles/logging.logWriter", "project", ""): "workflow build build-functions",
    ("roles/pubsub.publisher", "project", ""): "@gs-project-accounts",
    ("roles/storage.objectViewer", "project", _STAGED): "build-functions",
    ("roles/workflows.invoker", "project", ""): "api studio sweep-jobs eventarc",
    # Calls of services.
    ("roles/run.invoker", "service open-job", ""): "workflow",
    ("roles/run.invoker", "service write-storyboard", ""): "workflow",
    ("roles/run.invoker", "service draw-sheet", ""): "workflow",
    ("roles/run.invoker", "service draw-keyframe", ""): "workflow",
    ("roles/run.invoker", "service check-continuity", ""): "workflow",
    ("roles/run.invoker", "service submit-clip", ""): "tasks",
    ("roles/run.invoker", "service poll-clips", ""): "workflow",
    ("roles/run.invoker", "service close-job", ""): "workflow",
    ("roles/run.invoker", "service fail-job", ""): "workflow",
    ("roles/run.invoker", "service sweep-jobs", ""): "scheduler",
    ("roles/run.invoker", "service deliver-webhook", ""): "tasks",
    ("roles/run.invoker", "service stitcher", ""): "workflow",
    ("roles/run.invoker", "service api", ""): "user:ops@example.com group:makers@example.com",
    ("roles/run.invoker", "service studio", ""): "@gcp-sa-iap",
    ("roles/iap.httpsResourceAccessor", "iap of studio", ""): "user:ops@example.com group:makers@example.com",
    # Reads and writes of buckets.
    ("roles/storage.objectViewer", "bucket artifacts", ""): "api studio open-job",
    ("promptreelReceiver", "bucket artifacts", _REFERENCES): "api studio open-job",
    ("promptreelReceiver", "bucket uploads", ""): "api studio",
    (
        "roles/storage.objectViewer",
        "bucket uploads",
        "",
    ): "api studio open-job",  # a missing one is 403 for who may not list
    ("roles/storage.objectUser", "bucket artifacts", ""): (
        "write-storyboard draw-sheet draw-keyframe check-continuity submit-clip poll-clips sweep-jobs stitcher"
    ),
    ("roles/storage.objectUser", "bucket artifacts", _CLIPS): "cloud-lvm-video-server@prod.google.com",
    ("roles/storage.objectViewer", "bucket prompts", ""): "open-job api studio",
    ("promptreelUploader", "bucket prompts", ""): "user:ops@example.com group:makers@example.com",
    ("roles/storage.objectViewer", "bucket results", ""): "user:ops@example.com group:makers@example.com",
    ("roles/storage.objectUser", "bucket results", ""): "open-job close-job fail-job sweep-jobs api studio",
    ("roles/storage.objectViewer", "bucket source", ""): "build build-functions",
    # Sending clips, and seeing those that wait, as the account of the queue; signing links, each account as itself.
    ("roles/cloudtasks.enqueuer", "queue clips", ""): "draw-keyframe check-continuity poll-clips",
    ("roles/cloudtasks.enqueuer", "queue clips-high", ""): "draw-keyframe check-continuity poll-clips",
    ("roles/cloudtasks.enqueuer", "queue webhooks", ""): _TELLS_OF_EVENTS,
    ("promptreelTaskViewer", "queue clips", ""): "poll-clips",
    ("promptreelTaskViewer", "queue clips-high", ""): "poll-clips",
    ("roles/iam.serviceAccountUser", "account film-tasks", ""): f"draw-keyframe check-continuity {_TELLS_OF_EVENTS}",
    ("promptreelSigner", "account film-api", ""): "api",
    ("promptreelSigner", "account film-studio", ""): "studio",
    # Storing images.
    ("roles/artifactregistry.writer", "repository promptreel", ""): "build",
    ("roles/artifactregistry.writer", "repository promptreel-functions", ""): "build-functions",
}

# Added where the backend of Replicate is switched on: its token, and the links by which it fetches keyframes.
REPLICATE_TABLE: dict[tuple[str, str, str], str] = {
    ("roles/secretmanager.secretAccessor", "secret replicate", ""): "submit-clip poll-clips sweep-jobs",
    ("promptreelSigner", "account film-submit-clip", ""): "submit-clip",
}


def lines(table: dict[tuple[str, str, str], str]) -> set[str]:
    """A table as the lines of `policy.access.grants`."""
    return {
        f"{role} on {on} to {_member(name)}" + (f" if {condition}" if condition else "")
        for (role, on, condition), members in table.items()
        for name in members.split()
    }


def _member(name: str) -> str:
    if name.startswith("@"):
        return f"service-N{name}.iam.gserviceaccount.com"
    return name if set(":@") & set(name) else f"film-{name}"
