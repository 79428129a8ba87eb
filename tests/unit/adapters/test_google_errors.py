"""Google's errors become promptreel's by what the caller should do next."""

from typing import Any

import pytest
from google.api_core import exceptions as google
from google.auth.exceptions import DefaultCredentialsError

from promptreel.adapters.gcs import GcsArtifacts
from promptreel.adapters.google_errors import translate_google_errors
from promptreel.adapters.signer import RemoteSigner
from promptreel.errors import Broken, NotFound, PromptreelError, Transient, VersionConflict

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
