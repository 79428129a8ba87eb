"""Google's errors become promptreel's by what the caller should do next."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions as google
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud.storage import Client

from promptreel.adapters.gcs import GcsArtifacts, GcsInbox
from promptreel.adapters.google_errors import translate_google_errors
from promptreel.adapters.signer import RemoteSigner
from promptreel.errors import Broken, NotFound, PromptreelError, Transient, VersionConflict
from tests.unit.adapters.conftest import serve

MISSING_INDEX = "The query requires an index. You can create it here: https://console.firebase.google.com/x"
# Source: the error quoted in https://github.com/googleapis/google-cloud-go/pull/12328
BUILDING_INDEX = (
    "The query requires an index. That index is currently building and cannot be used yet. See its status here"
)


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (google.FailedPrecondition(MISSING_INDEX), Broken, "misconfigured"),
        (google.FailedPrecondition(BUILDING_INDEX), Transient, "transient"),
        (google.FailedPrecondition("the stored version does not match"), VersionConflict, "lost_race"),
        (google.Aborted("contention"), VersionConflict, "lost_race"),
        (google.PreconditionFailed("generation"), VersionConflict, "lost_race"),
        (google.NotFound("no"), NotFound, "not_found"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_google_error_becomes_the_error_that_says_what_to_do(
    error: Exception, kind: type[PromptreelError], code: str
) -> None:
    with pytest.raises(PromptreelError) as raised, translate_google_errors("query"):
        raise error

    assert type(raised.value) is kind
    assert raised.value.code == code


def test_missing_index_is_reported_with_its_address_and_remedy() -> None:
    with pytest.raises(Broken) as raised, translate_google_errors("query"):
        raise google.FailedPrecondition(MISSING_INDEX)

    assert "https://console.firebase.google.com/x" in raised.value.message
    assert "make deploy" in raised.value.remedy


def test_signing_links_is_transient_when_no_credentials_can_be_had() -> None:
    class NoCredentials(RemoteSigner):
        @property
        def credentials(self) -> Any:
            raise DefaultCredentialsError("no metadata server answered")

    artifacts = GcsArtifacts("local", "films", NoCredentials(""), "")

    with pytest.raises(Transient):
        artifacts.sign_urls([artifacts.uri("film.mp4")], 600)


def answer_damaged(target: str, _headers: Mapping[str, str]) -> tuple[int, Any, Mapping[str, str]]:
    """An object as Cloud Storage sends it, whose bytes are not those of its checksum."""
    if "alt=media" in target:
        return 200, b"fxo", {"X-Goog-Hash": "crc32c=AAAAAA==", "Content-Length": "3"}
    return 200, {"bucket": "films", "name": "a.txt", "generation": "1", "size": "3"}, {}


@pytest.mark.parametrize(
    "read",
    [
        lambda artifacts, _inbox, _folder: artifacts.get("gs://films/a.txt"),
        lambda artifacts, _inbox, folder: artifacts.get_file("gs://films/a.txt", folder / "a.txt"),
        lambda _artifacts, inbox, _folder: inbox.read_prompt("films", "a.txt", "1"),
        lambda _artifacts, inbox, _folder: inbox.read_file("styles/a.md"),
        lambda _artifacts, inbox, _folder: inbox.delete_report("a.txt", "job-1"),
    ],
    ids=["get", "get_file", "read_prompt", "read_file", "delete_report"],
)
def test_read_is_transient_when_the_content_was_damaged_on_its_way(
    tmp_path: Path, read: Callable[[GcsArtifacts, GcsInbox, Path], object]
) -> None:
    artifacts, inbox = GcsArtifacts("local", "films", RemoteSigner(""), ""), GcsInbox("local", "films", "films")
    with serve(answer_damaged) as url:
        client = Client("local", AnonymousCredentials(), client_options={"api_endpoint": url})
        artifacts._client = inbox._client = client
        with pytest.raises(Transient, match="Checksum mismatch"):
            read(artifacts, inbox, tmp_path)
    assert not (tmp_path / "a.txt").exists()
