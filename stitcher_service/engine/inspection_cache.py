"""What inspections found, kept by what the clip holds, so that no picture is decoded twice for the same question.

The key covers the clip's bytes and the question asked: other thresholds are another question.
"""

import hashlib
import json
import os
from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from stitcher_service.engine import commands
from stitcher_service.engine.inspection import Inspection, TimeSpan
from stitcher_service.ffmpeg.probe import VideoTrack

MOST_CLIPS = 2_000  # about a megabyte of findings


class Memory(Protocol):
    """Keeps findings for as long as its owner likes."""

    def get(self, key: str) -> Inspection | None: ...
    def put(self, key: str, found: Inspection) -> None: ...


def cache_key(clip: Path, track: VideoTrack) -> str:
    """The name under which what is found in the pictures of `track` in `clip` is kept."""
    with clip.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    question = " ".join(commands.inspect_picture(Path("clip"), track, Path("times")).argv())
    return f"{content}-{hashlib.sha256(question.encode()).hexdigest()[:12]}"


class InspectionCache:
    """Kept until the process ends, but for the oldest of more than `most`."""

    def __init__(self, most: int = MOST_CLIPS) -> None:
        self._most = most
        self._found: OrderedDict[str, Inspection] = OrderedDict()

    def get(self, key: str) -> Inspection | None:
        return self._found.get(key)

    def put(self, key: str, found: Inspection) -> None:
        self._found[key] = found
        if len(self._found) > self._most:
            self._found.popitem(last=False)


class InFolder:
    """One small JSON file for each clip, so that the next process knows it too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Inspection | None:
        try:
            kept = json.loads(self._path(key).read_bytes())
        except FileNotFoundError:
            return None
        black, frozen = (tuple(TimeSpan(**stretch) for stretch in kept[look]) for look in ("black", "frozen"))
        return Inspection(
            tuple(kept["damage"]), black, frozen, tuple(kept["shown_ticks"]), is_changing=kept["is_changing"]
        )

    def put(self, key: str, found: Inspection) -> None:
        written = self._path(key).with_suffix(f".{os.getpid()}.part")
        written.write_text(json.dumps(asdict(found)))
        written.replace(self._path(key))

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"
