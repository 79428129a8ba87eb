"""What `PictureUploads` promises, in memory and in Cloud Storage alike; links are tested with the media stand-in."""

import pytest

from promptreel.adapters.gcs import GcsUploads
from promptreel.adapters.signer import RemoteSigner
from promptreel.errors import NotFound, TooLarge
from promptreel.ports.pictures import PictureUploads
from promptreel.ports.storage import ArtifactStore
from tests.fakes.artifacts import MemoryArtifacts, MemoryUploads


@pytest.fixture
def uploads(artifacts: ArtifactStore) -> PictureUploads:
    """Uploads beside these artifacts, in whose bucket a test can put an object."""
    if isinstance(artifacts, MemoryArtifacts):
        return MemoryUploads(artifacts)
    return GcsUploads("local", "uploads", ("brand-pictures",), RemoteSigner(""), "")


def test_object_is_read_from_the_bucket_that_its_address_names(
    uploads: PictureUploads, artifacts: ArtifactStore
) -> None:
    uri = artifacts.put("jobs/job-1/references/ä b.png", b"12345", "image/png")

    assert uploads.read(uri, 5) == b"12345"


def test_object_is_refused_when_it_is_too_large_or_not_there(uploads: PictureUploads, artifacts: ArtifactStore) -> None:
    uri = artifacts.put("jobs/job-1/references/b.png", b"12345", "image/png")

    with pytest.raises(TooLarge, match="5 bytes; a picture has at most 4"):
        uploads.read(uri, 4)
    with pytest.raises(NotFound):
        uploads.read(artifacts.uri("jobs/job-1/references/none.png"), 5)
    with pytest.raises(NotFound):
        uploads.read("gs://no-such-bucket/a.png", 5)


def test_address_of_an_upload_lies_in_the_bucket_of_uploads(uploads: PictureUploads) -> None:
    assert uploads.uri("owners/1/2") == "gs://uploads/owners/1/2"
    assert uploads.shared_buckets == {"brand-pictures"}
