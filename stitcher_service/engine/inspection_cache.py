"""What inspections found, kept by what the clip holds, so that no picture is decoded twice for the same question."""

import hashlib
from collections import OrderedDict
from pathlib import Path

from stitcher_service.engine import commands
from stitcher_service.engine.inspection import Inspection
from stitcher_service.ffmpeg.probe import VideoTrack

MAX_CLIPS = 2_000  # about a megabyte of findings


def cache_key(clip: Path, track: VideoTrack) -> str:
    """Names the clip's bytes and how they are inspected: other thresholds are another key."""
    with clip.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    question = " ".join(commands.inspect_picture(Path("clip"), track, Path("times")).argv())
    return f"{content}-{hashlib.sha256(question.encode()).hexdigest()[:12]}"


class InspectionCache:
    """Keeps findings until the process ends; of more than `capacity` the oldest are dropped."""

    def __init__(self, capacity: int = MAX_CLIPS) -> None:
        """Start empty."""
        self._capacity = capacity
        self._found: OrderedDict[str, Inspection] = OrderedDict()

    def get(self, key: str) -> Inspection | None:
        """The findings stored under `key`."""
        return self._found.get(key)

    def put(self, key: str, found: Inspection) -> None:
        """Store findings under `key`."""
        self._found[key] = found
        if len(self._found) > self._capacity:
            self._found.popitem(last=False)
