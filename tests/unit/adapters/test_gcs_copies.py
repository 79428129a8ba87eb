"""What a copy within Cloud Storage asks for: the emulators do not look at its preconditions."""

from typing import Any

import pytest

from promptreel.adapters.gcs import GcsArtifacts
from promptreel.adapters.signer import RemoteSigner


class _Blob:
    """A blob whose rewrite takes two requests."""

    crc32c, generation, content_type = "AAAA", 7, "video/mp4"

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []

    def reload(self, **_: Any) -> None:
        """Its metadata is known."""

    def rewrite(self, source: "_Blob", **options: Any) -> tuple[str | None, int, int]:
        self.requests.append({"generation": source.generation, "content_type": self.content_type, **options})
        return (None if "token" in options else "more"), 1, 2


def test_copy_never_replaces_an_object_and_goes_on_when_a_rewrite_takes_several_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    artifacts, source, target = GcsArtifacts("local", "films", RemoteSigner(""), ""), _Blob(), _Blob()
    target.content_type = ""
    blobs = {"gs://films/a.mp4": source, "gs://films/b.mp4": target}
    monkeypatch.setattr(artifacts, "_blob", blobs.__getitem__)

    assert artifacts.copy("gs://films/a.mp4", "b.mp4", "AAAA") == "gs://films/b.mp4"

    sent = {"generation": 7, "content_type": "video/mp4", "if_generation_match": 0, "timeout": 60.0}
    assert target.requests == [sent, {**sent, "token": "more"}]
