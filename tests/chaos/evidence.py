"""What can be seen from outside after a run: the API's answers, the provider's bill, the bucket, the renders.

Only collecting; what it means is said in invariants.py.
"""

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from client.api import PromptreelClient
from localcloud.tests import loopback
from localcloud.tests.waiting import eventually
from localstack.state_file import RunningStack
from tests.chaos.owners import Submission
from tests.chaos.recordings import RecordedJob
from tests.e2e import pictures
from tests.e2e.pictures import Picture
from tests.e2e.stack import Stack

FINISHED = frozenset({"SETTLED", "RELEASED", "ADOPTED", "LOST"})
CALLS_FINISHED_WITHIN_S = 240.0  # a clip's whole window, twice
FPS = 24

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FilmInspection:
    """What was seen in a finished film."""

    has_reported_length: bool
    """Whether it has exactly as many frames as its job reports."""
    recognised: Mapping[str, str]
    """Scene to the scene whose clip its middle resembles most."""
    likeness_db: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    submissions: Sequence[Submission]
    jobs: Mapping[str, Json]
    ledgers: Mapping[str, Json]
    bill: Sequence[Json]
    """Lines of both providers; ``call`` is the call that a clip was billed for, None for a text or picture."""
    objects: frozenset[str]
    renders: Sequence[Json]
    films: Mapping[str, FilmInspection]
    bucket: str
    faults_seen: Mapping[str, int]
    unreadable: Mapping[str, bool] = field(default_factory=dict)
    """Paths of documents that no version here can read, and whether the sweeper has reported them."""
    left_processes: Sequence[str] = field(default_factory=tuple)

    def calls(self, *kinds: str) -> list[tuple[str, Json]]:
        """(job, call) of these kinds, of all jobs."""
        return [
            (job, call)
            for job, ledger in self.ledgers.items()
            for call in ledger["calls"]
            if not kinds or call["kind"] in kinds
        ]

    def resumed(self, job_id: str) -> bool:
        return any(submission.resumes for submission in self.submissions if submission.job_id == job_id)


def collect(
    stack: Stack, client: PromptreelClient, submissions: Sequence[Submission], recorded: Sequence[RecordedJob] = ()
) -> Evidence:
    """Everything as it is once every call is finished."""
    job_ids = _all_jobs(client)
    _wait_for_calls(client, job_ids)
    jobs = {job_id: cast(Json, client.job(job_id)) for job_id in job_ids}
    state = stack.state
    with ThreadPoolExecutor(2) as pool:
        finished = [job for job in jobs.values() if job["state"] == "COMPLETE"]
        films = dict(pool.map(lambda job: (str(job["id"]), inspect_film(client, job)), finished))
    ledgers = {job_id: cast(Json, client.ledger(job_id)) for job_id in job_ids}
    return Evidence(
        submissions=submissions,
        jobs=jobs,
        ledgers=ledgers,
        bill=[
            *name_calls(stack.bill(), stack.replicate_bill(), ledgers),
            *(line for job in recorded if job.is_readable for line in job.earlier_bill()),
        ],
        objects=_objects(state["storage"], f"{stack.project}-artifacts"),
        renders=_renders(state["firestore"], stack.project),
        films=films,
        bucket=f"gs://{stack.project}-artifacts/",
        faults_seen=_faults_seen(state),
        unreadable={job.path: _is_reported(job.path, stack) for job in recorded if not job.is_readable},
    )


def name_calls(vertex: Sequence[Json], replicate: Sequence[Json], ledgers: Mapping[str, Json]) -> list[Json]:
    """The lines of both bills, each with the call that it is for.

    Vertex AI names a clip by the prefix that only its call writes below; Replicate by its prediction alone, so that a
    prediction that no call names stays a line of no call.
    """
    calls = (call for ledger in ledgers.values() for call in ledger["calls"])
    named = {call["operation"]: call["id"] for call in calls if call["operation"]}
    return [
        *({**line, "call": _last_folder(line["storage_uri"])} for line in vertex),
        *({**line, "call": named.get(line["operation"], line["operation"])} for line in replicate),
    ]


def _last_folder(uri: str | None) -> str | None:
    return uri.rstrip("/").rpartition("/")[2] if uri else None


def _faults_seen(state: Json) -> dict[str, int]:
    """How often each fault happened; those of Replicate are named so."""
    seen = dict[str, int]()
    for provider, prefix in (("vertex", ""), ("replicate", "replicate ")):
        faults = loopback.get(f"{state[provider]}/_local/faults").raise_for_status().json()
        seen |= {f"{prefix}{fault}": count for fault, count in faults["happened"].items()}
    return seen


def _is_reported(path: str, stack: Stack) -> bool:
    """Whether the sweeper has logged that it cannot read this document."""
    log = RunningStack(stack.state).log("sweep_jobs").read_text(encoding="utf-8", errors="replace")
    return any("document_unreadable" in line and path in line for line in log.splitlines())


def _all_jobs(client: PromptreelClient) -> list[str]:
    found, page = list[str](), None
    while True:
        answer = client.jobs(page_token=page)
        found += [job["id"] for job in answer["jobs"]]
        page = answer["next_page_token"]
        if page is None:
            return found


def _wait_for_calls(client: PromptreelClient, job_ids: Sequence[str]) -> None:
    """Wait until every call is finished, as sweep_jobs promises for ended jobs; what is not by then is a finding."""

    def calm() -> bool:
        return all(call["state"] in FINISHED for job_id in job_ids for call in client.ledger(job_id)["calls"])

    try:
        eventually(calm, "every call finished", CALLS_FINISHED_WITHIN_S)
    except AssertionError:
        return  # invariants.no_lease_left names them


def _objects(storage: str, bucket: str) -> frozenset[str]:
    names, token = set[str](), ""
    while True:
        query = {"pageToken": token} if token else {}
        answer = loopback.get(f"{storage}/storage/v1/b/{bucket}/o", params=query).raise_for_status().json()
        names |= {f"gs://{bucket}/{item['name']}" for item in answer.get("items", [])}
        token = answer.get("nextPageToken", "")
        if not token:
            return frozenset(names)


def _renders(firestore: str, project: str) -> list[Json]:
    """The stitcher's leases, which no API shows: read from Firestore in its own JSON."""
    url = f"http://{firestore}/v1/projects/{project}/databases/(default)/documents/renders"
    answer = loopback.get(url, params={"pageSize": 300}, headers={"Authorization": "Bearer owner"}).raise_for_status()
    return [_plain(document["fields"]) for document in answer.json().get("documents", [])]


def _plain(fields: Json) -> dict[str, Any]:
    """Strings and maps of a Firestore document; other kinds of value are of no interest here."""
    return {
        name: _plain(value["mapValue"].get("fields", {})) if "mapValue" in value else value.get("stringValue")
        for name, value in fields.items()
    }


def inspect_film(client: PromptreelClient, job: Json) -> FilmInspection:
    """Fetch a film and its scenes' clips by their links, and compare the middle of each filmed scene."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        film = client.download(job["output"]["film"]["url"], Path(folder) / "film.mp4")
        middles, clips = middle_frames(job), dict[str, Picture]()
        for scene in job["scenes"]:
            if scene["id"] in middles and scene["clip"]:
                clip = client.download(scene["clip"]["url"], Path(folder) / f"{scene['id']}.mp4")
                number = scene["frames"] // 2 + _trimmed_head(job, scene, clip)
                clips[scene["id"]] = pictures.frames(clip, {number})[number]
        reported = job["output"]["frames"]
        shown = pictures.frames(film, {*middles.values(), reported - 1, reported})
    likeness = {
        scene: {other: pictures.psnr(shown[middles[scene]], clip) for other, clip in clips.items()}
        for scene in clips
        if middles[scene] in shown
    }
    return FilmInspection(
        has_reported_length=reported - 1 in shown and reported not in shown,
        recognised={scene: max(alike, key=lambda one: (alike[one], one == scene)) for scene, alike in likeness.items()},
        likeness_db={scene: alike[scene] for scene, alike in likeness.items()},
    )


def _trimmed_head(job: Json, scene: Json, clip: Path) -> int:
    """Frames at a clip's beginning that the film leaves out: only those of its first scene, if it has others."""
    shown = shown_scenes(job)
    return pictures.count(clip) - int(scene["frames"]) if scene is shown[0] and len(shown) > 1 else 0


def shown_scenes(job: Json) -> list[Json]:
    """The scenes that are in the film: all but those left out by the job's policy."""
    omits = job["request"]["on_scene_failure"] == "omit"
    return [scene for scene in job["scenes"] if scene["clip"] or not omits]


def middle_frames(job: Json) -> dict[str, int]:
    """Number of the film's frame in the middle of each scene: no transition reaches it."""
    overlap, position, middles = overlap_frames(job), 0, dict[str, int]()
    for scene in shown_scenes(job):
        middles[scene["id"]] = position + scene["frames"] // 2
        position += scene["frames"] - overlap
    return middles


def planned_frames(job: Json) -> int:
    """How many frames the film must have, by its request and the scenes that are in it."""
    shown = shown_scenes(job)
    return sum(int(scene["frames"]) for scene in shown) - overlap_frames(job) * (len(shown) - 1)


def overlap_frames(job: Json) -> int:
    transition = job["request"]["transition"]
    return round(transition["duration_s"] * FPS) if transition["kind"] == "crossfade" else 0
