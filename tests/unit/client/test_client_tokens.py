"""Where an ID token comes from: given, by the user's command, by gcloud, by a service account."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from client.errors import InvalidInput
from client.tokens import read_claims, token_source

CLOUD_RUN = httpx.URL("https://api-1.europe-west1.run.app/")
AUDIENCE = "https://api-1.europe-west1.run.app"
pytestmark = pytest.mark.usefixtures("own_machine")


def _token(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.signature"


def _install_gcloud(programs: Path, script: str) -> None:
    gcloud = programs / "gcloud"
    gcloud.write_text(f"#!/bin/sh\n{script}\n")
    gcloud.chmod(0o755)


@pytest.fixture
def service_account(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A service account that gives tokens; the audiences that they were asked for."""
    audiences: list[str] = []

    def fetch(_: Any, audience: str) -> str:
        audiences.append(audience)
        return "of-the-service-account"

    monkeypatch.setattr("google.oauth2.id_token.fetch_id_token", fetch)
    return audiences


def test_given_token_is_used_and_not_renewed() -> None:
    source = token_source(CLOUD_RUN, "given", None)

    assert (source.get(), source.is_renewable) == ("given", False)


def test_own_command_renews_a_given_token() -> None:
    source = token_source(CLOUD_RUN, "given", "echo printed")

    assert (source.get(), source.is_renewable) == ("printed", True)


def test_gcloud_gives_a_person_a_token_without_an_audience(programs: Path) -> None:
    token = _token(email="mira@example.com")
    _install_gcloud(programs, f'test "$*" = "auth print-identity-token" && echo {token}')

    assert token_source(CLOUD_RUN, "", None).get() == token


@pytest.mark.parametrize(
    "first", [f"echo {_token(email='robot@p.iam.gserviceaccount.com')}", 'echo "--audiences is required" >&2; exit 1']
)
def test_gcloud_gives_a_service_account_a_token_for_the_api(programs: Path, first: str) -> None:
    script = f'case "$*" in *--audiences={AUDIENCE}*) echo second ;; *) {first} ;; esac'
    _install_gcloud(programs, script)

    assert token_source(CLOUD_RUN, "", None).get() == "second"


def test_gcloud_without_an_account_names_the_login(programs: Path) -> None:
    _install_gcloud(programs, 'echo "You do not currently have an active account." >&2; exit 1')

    with pytest.raises(InvalidInput, match="active account") as caught:
        token_source(CLOUD_RUN, "", None).get()
    assert "gcloud auth login" in caught.value.remedy


def test_token_of_gcloud_is_not_sent_to_an_address_that_is_not_googles(
    programs: Path, service_account: list[str]
) -> None:
    _install_gcloud(programs, "echo of-gcloud")

    assert token_source(httpx.URL("https://films.example"), "", None).get() == "of-the-service-account"
    assert service_account == ["https://films.example"]


def test_credentials_file_comes_before_gcloud(
    programs: Path, service_account: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _install_gcloud(programs, "echo of-gcloud")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")

    assert token_source(CLOUD_RUN, "", None).get() == "of-the-service-account"
    assert service_account == [AUDIENCE]


def test_credentials_that_give_no_token_are_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/no/such/key.json")

    with pytest.raises(InvalidInput, match="GOOGLE_APPLICATION_CREDENTIALS gives no ID token") as caught:
        token_source(CLOUD_RUN, "", None).get()
    assert "gcloud auth login" in caught.value.remedy


def test_api_on_this_machine_gets_no_token_of_google(programs: Path) -> None:
    _install_gcloud(programs, "echo of-gcloud")

    with pytest.raises(InvalidInput, match="PROMPTREEL_TOKEN is not set"):
        token_source(httpx.URL("http://127.0.0.1:8080"), "", None)


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.!!!.c", _token()[:4]])
def test_claims_of_another_kind_of_token_are_empty(token: str) -> None:
    assert read_claims(token) == {}
