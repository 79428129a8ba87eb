"""Firestore and Cloud Storage: which real programs keep this run's documents and objects.

Usually gcloud's Firestore emulator and fake-gcs-server; or, for those who have them, firebase-tools' two emulators,
which know no generation preconditions and report no changes (Eventarc's stand-in then finds them by listing).
"""

from localstack import firebase, objectstore
from localstack.firestore import find_emulator
from localstack.program import Program
from localstack.site import Site

EVENTS_TOPIC = "storage-events"
OWN, FIREBASE = "own", "firebase"
TOOLS = "node_modules/.bin"


def store_programs(site: Site, emulators: str) -> list[Program]:
    """Raises: EmulatorMissing, ObjectStoreMissing."""
    env = site.base_env()
    if emulators == FIREBASE:
        tools = site.root / ".local" / "node" / TOOLS
        ports = site.ports["firestore"], site.ports["storage"]
        return [firebase.program(env, site.folder("firebase"), site.project, *ports, tools=tools)]
    if "FIRESTORE_EMULATOR_HOST" in site.inherited:
        return [_storage(site)]
    emulator = find_emulator(env, site.ports["firestore"], site.run_dir, site.project)
    return [emulator.program(site.run_dir, env, site.firestore_host), _storage(site)]


def _storage(site: Site) -> Program:
    """fake-gcs-server; it tells Eventarc's stand-in of new objects through Pub/Sub, one bucket's only."""
    watched = {trigger["bucket"] for trigger in site.deployment.triggers.values()}
    if len(watched) > 1:
        raise ValueError(f"fake-gcs-server reports the events of one bucket, not of {sorted(watched)}")
    events: tuple[str, ...] = ()
    for bucket in watched:
        events = ("-event.pubsub-project-id", site.project, "-event.pubsub-topic", EVENTS_TOPIC)
        events += ("-event.bucket", site.bucket(bucket), "-event.list", "finalize")
    return Program(
        name="storage",
        argv=objectstore.argv(site.run_dir, site.ports["storage"]) + events,
        cwd=site.run_dir,
        env=site.base_env() | {"PUBSUB_EMULATOR_HOST": site.host("pubsub")},
        health_urls=(f"{site.url('storage')}/_internal/healthcheck",),
    )
