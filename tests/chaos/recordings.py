"""Jobs that another version left in mid-film (tests/golden/documents), brought into a running stack.

Their ids are new, their keyframes are in the bucket and their clips are under way, as if the other version had run
on this stack until a moment ago.
"""

import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from localcloud.tests import loopback
from localstack.deployment import REGION
from promptreel.domain import identifiers
from tests import recorded
from tests.chaos.boundaries import connect
from tests.chaos.plan import Recording
from tests.e2e.stack import Stack

NEWER_SCHEMA = 2
SIZE_PX = (1280, 720)
COLOURS = ("#a03030", "#30a040", "#3050b0", "#c0a030")  # of keyframes: different enough to tell clips apart
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
_ARTIFACT = re.compile(r'gs://[^"]+\.(?:png|json)')

Documents = recorded.Documents


@dataclass(frozen=True, slots=True)
class RecordedJob:
    """One recorded job with ids of its own; nothing of it is in the database before `store`."""

    recording: Recording
    job_id: str
    documents: Documents

    @property
    def path(self) -> str:
        return f"jobs/{self.job_id}"

    @property
    def request(self) -> dict[str, Any]:
        request: dict[str, Any] = self.documents[self.path]["request"]
        return request

    @property
    def is_readable(self) -> bool:
        return self.recording.kind != "unreadable"

    def earlier_bill(self) -> Sequence[dict[str, Any]]:
        """What the provider billed for texts and pictures before the job was recorded."""
        return [
            {"model": call["model"], "micros": call["cost_micros"], "call": None, "outcome": "delivered"}
            for path, call in self.documents.items()
            if "/calls/" in path and call["state"] == "SETTLED"
        ]

    def store(self, stack: Stack) -> None:
        """Write the documents into the stack's database, in one batch, as if they had been recorded right now."""
        with connect(stack.state["firestore"], stack.project) as client:
            batch = client.batch()
            for path, document in _recorded_now(self.documents).items():
                batch.create(client.document(path), document)
            batch.commit()


def prepare(recording: Recording, seed: int, stack: Stack) -> RecordedJob:
    """Upload a recording's keyframes, and have the provider film the clips that were under way."""
    job_id = f"job-{identifiers.digest('chaos', str(seed), str(recording.number))}"
    documents = _with_own_ids(recorded.documents(recording.moment), job_id, stack)
    if recording.kind == "unreadable":
        documents[f"jobs/{job_id}"]["schema"] = NEWER_SCHEMA
        return RecordedJob(recording, job_id, documents)
    documents = _with_objects(documents, stack)
    for path, call in documents.items():
        if "/calls/" in path and call["kind"] == "video" and call["state"] == "SENT":
            operation = _film(call, documents[f"jobs/{job_id}/scenes/{call['scene']}"], stack)
            call["operation"] = call["operation"] and operation
    if recording.kind == "newer":
        documents = {path: recorded.from_a_newer_version(data) for path, data in documents.items()}
    return RecordedJob(recording, job_id, documents)


def _with_own_ids(documents: Documents, job_id: str, stack: Stack) -> Documents:
    job = next(data for path, data in documents.items() if path.count("/") == 1 and path.startswith("jobs/"))
    text = json.dumps(documents).replace(job["id"], job_id)
    for path, call in documents.items():
        if "/calls/" in path:
            text = text.replace(call["id"], identifiers.call_id(job_id, call["purpose"], call["take"], call["attempt"]))
    text = text.replace("gs://artifacts/", _bucket(stack)).replace('"projects/p/', f'"projects/{stack.project}/')
    renamed: Documents = json.loads(text)
    return renamed


def _with_objects(documents: Documents, stack: Stack) -> Documents:
    """The documents with the checksums of the objects that now lie where they say."""
    text = json.dumps(documents)
    checksums = dict[str, str]()
    for number, uri in enumerate(sorted(set(_ARTIFACT.findall(text)))):
        content = _picture(COLOURS[number % len(COLOURS)]) if uri.endswith(".png") else b"{}"
        checksums[uri] = _upload(uri.removeprefix(_bucket(stack)), content, stack)
    for document in documents.values():
        for name in ("start", "end"):
            if keyframe := document.get(name):
                keyframe["checksum"] = checksums[keyframe["uri"]]
    return documents


def _upload(name: str, content: bytes, stack: Stack) -> str:
    """The object's CRC32C, as Cloud Storage spells it."""
    answer = loopback.post(
        f"{stack.state['storage']}/upload/storage/v1/b/{stack.project}-artifacts/o",
        params={"uploadType": "media", "name": name},
        content=content,
        headers={"Content-Type": "image/png" if name.endswith(".png") else "application/json"},
    ).raise_for_status()
    return str(answer.json()["crc32c"])


def _film(call: dict[str, Any], scene: dict[str, Any], stack: Stack) -> str:
    """Order the clip of a call; the operation's name."""
    location = f"projects/{stack.project}/locations/{REGION}"
    pictures = {
        name: {"gcsUri": scene[frame]["uri"], "mimeType": "image/png"}
        for name, frame in (("image", "start"), ("lastFrame", "end"))
    }
    answer = loopback.post(
        f"{stack.state['vertex']}/v1/{location}/publishers/google/models/{call['model']}:predictLongRunning",
        headers={"Authorization": "Bearer another-version"},
        json={
            "instances": [{"prompt": scene["motion_prompt"], **pictures}],
            "parameters": {
                "durationSeconds": scene["duration_s"],
                "resolution": "720p",
                "sampleCount": 1,
                "storageUri": f"{_bucket(stack)}{call['prefix']}",
            },
        },
    ).raise_for_status()
    return str(answer.json()["name"])


def _recorded_now(documents: Documents) -> Documents:
    """The documents with all their moments moved so that the latest write was just now."""
    latest = max(datetime.fromisoformat(document["updated"]) for document in documents.values())
    passed = datetime.now(UTC) - latest

    def move(moment: re.Match[str]) -> str:
        return (datetime.fromisoformat(moment[0]) + passed).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    moved: Documents = json.loads(_MOMENT.sub(move, json.dumps(documents)))
    return moved


def _picture(colour: str) -> bytes:
    encoded = io.BytesIO()
    Image.new("RGB", SIZE_PX, colour).save(encoded, "PNG")
    return encoded.getvalue()


def _bucket(stack: Stack) -> str:
    return f"gs://{stack.project}-artifacts/"
