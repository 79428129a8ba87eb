"""Who may do what: the whole of it. A grant that is not here fails the suite, and so does one that is only here.

Reviewed by hand; never made from the plan. Names as in infra/config/access.json, without "film-".
"""

from tests.infra.policy.plan import NUMBER, PROJECT, REGION

_DATABASE = f'resource.name == "projects/{PROJECT}/databases/(default)"'
_STAGED = f'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-{NUMBER}-{REGION}")'
_CLIPS = f'resource.name.extract("{PROJECT}-artifacts/objects/jobs/{{job}}/clips/") != ""'

# Role, on what, under which condition: to whom.
TABLE: dict[tuple[str, str, str], str] = {
    # The project as a whole: nothing finer exists for these.
    ("promptreelPredictor", "project", ""): "write-storyboard draw-keyframe submit-clip poll-clips sweep-jobs",
    ("roles/datastore.user", "project", _DATABASE): (
        "open-job write-storyboard draw-keyframe submit-clip poll-clips close-job fail-job sweep-jobs api studio "
        "stitcher"
    ),
    ("roles/eventarc.eventReceiver", "project", ""): "eventarc",
    ("roles/logging.logWriter", "project", ""): "workflow build build-functions",
    ("roles/pubsub.publisher", "project", ""): "@gs-project-accounts",
    ("roles/storage.objectViewer", "project", _STAGED): "build-functions",
    ("roles/workflows.invoker", "project", ""): "api studio sweep-jobs eventarc",
    # Who may call what.
    ("roles/run.invoker", "service open-job", ""): "workflow",
    ("roles/run.invoker", "service write-storyboard", ""): "workflow",
    ("roles/run.invoker", "service draw-keyframe", ""): "workflow",
    ("roles/run.invoker", "service submit-clip", ""): "tasks",
    ("roles/run.invoker", "service poll-clips", ""): "workflow",
    ("roles/run.invoker", "service close-job", ""): "workflow",
    ("roles/run.invoker", "service fail-job", ""): "workflow",
    ("roles/run.invoker", "service sweep-jobs", ""): "scheduler",
    ("roles/run.invoker", "service stitcher", ""): "workflow",
    ("roles/run.invoker", "service api", ""): "user:ops@example.com group:makers@example.com",
    ("roles/run.invoker", "service studio", ""): "@gcp-sa-iap",
    ("roles/iap.httpsResourceAccessor", "door of studio", ""): "user:ops@example.com group:makers@example.com",
    # Who may read and write what.
    ("roles/storage.objectViewer", "bucket artifacts", ""): "api studio",
    ("roles/storage.objectUser", "bucket artifacts", ""): (
        "write-storyboard draw-keyframe submit-clip poll-clips sweep-jobs stitcher"
    ),
    ("roles/storage.objectUser", "bucket artifacts", _CLIPS): "cloud-lvm-video-server@prod.google.com",
    ("roles/storage.objectViewer", "bucket prompts", ""): "open-job",
    ("promptreelUploader", "bucket prompts", ""): "user:ops@example.com group:makers@example.com",
    ("roles/storage.objectViewer", "bucket results", ""): "user:ops@example.com group:makers@example.com",
    ("roles/storage.objectUser", "bucket results", ""): "open-job sweep-jobs",
    ("roles/storage.objectViewer", "bucket source", ""): "build build-functions",
    # Who may send clips, see which wait, and in whose name; who may sign links, each only as itself.
    ("roles/cloudtasks.enqueuer", "queue clips", ""): "draw-keyframe poll-clips",
    ("roles/cloudtasks.enqueuer", "queue clips-high", ""): "draw-keyframe poll-clips",
    ("promptreelTaskViewer", "queue clips", ""): "poll-clips",
    ("promptreelTaskViewer", "queue clips-high", ""): "poll-clips",
    ("roles/iam.serviceAccountUser", "account film-tasks", ""): "draw-keyframe poll-clips",
    ("promptreelSigner", "account film-api", ""): "api",
    ("promptreelSigner", "account film-studio", ""): "studio",
    # Who may store images.
    ("roles/artifactregistry.text", "repository promptreel", ""): "build",
    ("roles/artifactregistry.text", "repository promptreel-functions", ""): "build-functions",
}


def table() -> set[str]:
    """The table as the lines of `policy.access.grants`."""
    return {
        f"{role} on {on} to {_member(who)}" + (f" if {condition}" if condition else "")
        for (role, on, condition), everybody in TABLE.items()
        for who in everybody.split()
    }


def _member(who: str) -> str:
    if who.startswith("@"):
        return f"service-N{who}.iam.gserviceaccount.com"
    return who if set(":@") & set(who) else f"film-{who}"
