"""Documents that earlier versions of promptreel stored (tests/golden/documents), brought into a world of fakes."""

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image

from promptreel.domain.job import Job
from promptreel.ports.models import Running
from tests.fakes.artifacts import MemoryArtifacts
from tests.fakes.models import FakeVideoGenerator
from tests.fakes.services import FakeServices

FOLDER = Path(__file__).parent / "golden" / "documents"
MOMENTS = sorted(str(file.relative_to(FOLDER).with_suffix("")) for file in FOLDER.glob("*/*.json"))

Documents = dict[str, dict[str, Any]]


def documents(moment: str) -> Documents:
    """All documents of one job, by Firestore path."""
    read: Documents = json.loads((FOLDER / f"{moment}.json").read_text(encoding="utf-8"))
    return read


def from_a_newer_version(value: Any) -> Any:
    """The same JSON with a field that nobody knows in every map, however deep."""
    if isinstance(value, dict):
        return {**{name: from_a_newer_version(one) for name, one in value.items()}, "novelty": {"since": [9]}}
    return [from_a_newer_version(one) for one in value] if isinstance(value, list) else value


class RecordedArtifacts(MemoryArtifacts):
    """Objects whose content was not recorded, only their checksums: keyframes are some picture of their size."""

    def __init__(self, world: FakeServices) -> None:
        super().__init__(world.clock)
        self.checksums: dict[str, str] = {}

    def read_checksum(self, uri: str) -> str:
        return self.checksums.get(uri) or super().read_checksum(uri)


class RecordedWorld(FakeServices):
    """The world a moment after the documents were recorded: objects exist, operations run."""

    artifacts: RecordedArtifacts

    def __init__(self, recorded: Documents) -> None:
        super().__init__()
        self.artifacts = RecordedArtifacts(self)
        self.video = FakeVideoGenerator(self.artifacts)
        for path, data in recorded.items():
            self.jobs.store(path, data)
            self._bring(data)
        self.job_id = next(path for path in recorded if path.startswith("jobs/")).split("/")[1]
        latest = max(datetime.fromisoformat(data["updated"]) for data in recorded.values())
        self.clock.pass_s((latest - self.clock.now()).total_seconds())

    @property
    def job(self) -> Job:
        return self.jobs.get_job(self.job_id).value

    def _bring(self, data: dict[str, Any]) -> None:
        for picture in (data.get("start"), data.get("end"), data.get("clip")):
            if picture:
                content = _a_keyframe() if picture["uri"].endswith(".png") else b"recorded"
                self.artifacts.put(picture["uri"].removeprefix("gs://artifacts/"), content, "")
                self.artifacts.checksums[picture["uri"]] = picture["checksum"]
        if data.get("artifact"):
            content = _a_keyframe() if data["kind"] == "image" else b"recorded"
            self.artifacts.put(data["artifact"].removeprefix("gs://artifacts/"), content, "")
        if data.get("operation") and data["state"] == "SENT":
            self.video.states[data["operation"]] = Running()
            self.video.prefixes[data["operation"]] = self.artifacts.uri(data["prefix"])


def _a_keyframe() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (1280, 720), (40, 60, 80)).save(out, "PNG")
    return out.getvalue()
