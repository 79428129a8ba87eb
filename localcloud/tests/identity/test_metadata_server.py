"""The metadata server through Google's own client library, unmodified, and through its documented paths."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import google.auth.transport.requests
import httpx
import pytest
from google.oauth2 import id_token

from localcloud.metadata.tokens import SigningKey
from localcloud.tests import loopback

OPEN_JOB = "film-open-job@local.iam.gserviceaccount.com"
WORKFLOW = "film-workflow@local.iam.gserviceaccount.com"
FLAVOR = {"Metadata-Flavor": "Google"}

# google-auth reads its environment at import: a fresh process is the only honest client.
CLIENT = """
import json
import google.auth, google.auth.transport.requests
from google.oauth2 import id_token
request = google.auth.transport.requests.Request()
credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
credentials.refresh(request)
token = id_token.fetch_id_token(request, "https://audience.example")
print(json.dumps({"project": project, "email": credentials.service_account_email, "access": credentials.token,
                  "universe": credentials.universe_domain, "id_token": token}))
"""


@pytest.fixture(scope="module")
def google_auth_found(metadata_ports: dict[str, int]) -> dict[str, str]:
    host = f"127.0.0.1:{metadata_ports[OPEN_JOB]}"
    environment = {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "HOME": "/nonexistent"}
    client = subprocess.run([sys.executable, "-c", CLIENT], env=environment, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(client.stdout)
    return found


def verify(token: str, url: str, audience: str) -> dict[str, object]:
    request = google.auth.transport.requests.Request()
    return dict(id_token.verify_token(token, request, audience=audience, certs_url=f"{url}/oauth2/v1/certs"))


def value(url: str, path: str, **params: str) -> httpx.Response:
    return loopback.get(f"{url}/computeMetadata/v1/{path}", params=params, headers=FLAVOR)


def test_unmodified_google_auth_is_that_account_when_pointed_at_a_listener(
    google_auth_found: dict[str, str],
) -> None:
    assert google_auth_found["project"] == "local"
    assert google_auth_found["email"] == OPEN_JOB
    assert google_auth_found["universe"] == "googleapis.com"


def test_fetched_id_token_names_account_and_audience_when_verified_by_google_auth(
    google_auth_found: dict[str, str], metadata_url: str
) -> None:
    claims = verify(google_auth_found["id_token"], metadata_url, "https://audience.example")

    assert claims["iss"] == "https://accounts.google.com"
    assert claims["email"] == OPEN_JOB
    assert claims["email_verified"] is True
    assert claims["sub"] == claims["azp"]
    assert claims["exp"] - claims["iat"] == 3600  # type: ignore[operator]


def test_access_token_belongs_to_the_account_when_looked_up(
    google_auth_found: dict[str, str], metadata_url: str
) -> None:
    assert google_auth_found["access"].startswith("ya29.")

    found = loopback.get(f"{metadata_url}/_local/tokeninfo", params={"access_token": google_auth_found["access"]})

    assert found.json()["email"] == OPEN_JOB
    assert 3000 < found.json()["expires_in"] <= 3600


def test_altered_access_token_is_answered_with_400_when_looked_up(
    google_auth_found: dict[str, str], metadata_url: str
) -> None:
    altered = google_auth_found["access"][:-8] + "AAAAAAAA"

    found = loopback.get(f"{metadata_url}/_local/tokeninfo", params={"access_token": altered})

    assert found.status_code == 400
    assert found.json()["error"] == "invalid_token"


def test_other_audience_is_refused_when_verified(id_token_of: Callable[[str, str], str], metadata_url: str) -> None:
    token = id_token_of(WORKFLOW, "https://one.example")

    with pytest.raises(ValueError, match="audience"):
        verify(token, metadata_url, "https://another.example")


def test_account_named_by_address_is_answered_when_asked_on_another_listener(
    metadata_ports: dict[str, int], metadata_url: str
) -> None:
    """Cloud Tasks and Scheduler mint tokens for accounts that are not their own."""
    listener = f"http://127.0.0.1:{metadata_ports[OPEN_JOB]}"

    token = value(listener, f"instance/service-accounts/{WORKFLOW}/identity", audience="https://a.example")

    assert verify(token.text, metadata_url, "https://a.example")["email"] == WORKFLOW


def test_metadata_server_answers_403_when_the_flavor_header_is_missing(metadata_url: str) -> None:
    answer = loopback.get(f"{metadata_url}/computeMetadata/v1/project/project-id")

    assert answer.status_code == 403
    assert answer.headers["metadata-flavor"] == "Google"


def test_metadata_server_answers_403_when_the_request_came_through_a_proxy(metadata_url: str) -> None:
    headers = FLAVOR | {"X-Forwarded-For": "10.0.0.1"}

    assert loopback.get(f"{metadata_url}/computeMetadata/v1/project/project-id", headers=headers).status_code == 403


def test_identity_token_is_answered_with_400_when_no_audience_is_given(metadata_url: str) -> None:
    assert value(metadata_url, "instance/service-accounts/default/identity").status_code == 400


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("project/project-id", "local"),
        ("universe/universe-domain", "googleapis.com"),
        ("instance/service-accounts/default/email", OPEN_JOB),
        ("instance/service-accounts/default/", "aliases\nemail\nscopes\n"),
        ("instance/service-accounts/", f"default/\n{OPEN_JOB}/\n"),
        ("", "project/\ninstance/\nuniverse/\n"),
    ],
)
def test_documented_path_answers_as_gce_when_read(metadata_ports: dict[str, int], path: str, text: str) -> None:
    answer = value(f"http://127.0.0.1:{metadata_ports[OPEN_JOB]}", path)

    assert answer.text == text
    assert answer.headers["metadata-flavor"] == "Google"


def test_numeric_project_id_has_twelve_digits_when_read(metadata_url: str) -> None:
    number = value(metadata_url, "project/numeric-project-id").text

    assert number.isdigit()
    assert len(number) == 12


def test_account_is_sent_as_json_when_read_recursively(metadata_ports: dict[str, int]) -> None:
    listener = f"http://127.0.0.1:{metadata_ports[OPEN_JOB]}"

    account = value(listener, "instance/service-accounts/default/", recursive="true").json()

    assert account["email"] == OPEN_JOB
    assert account["aliases"] == ["default"]
    assert "https://www.googleapis.com/auth/cloud-platform" in account["scopes"]


def test_whole_tree_has_names_in_camel_case_when_read_as_json(metadata_ports: dict[str, int]) -> None:
    tree = value(f"http://127.0.0.1:{metadata_ports[OPEN_JOB]}", "", recursive="true").json()

    assert tree["project"]["projectId"] == "local"
    assert tree["instance"]["serviceAccounts"][OPEN_JOB]["email"] == OPEN_JOB


def test_folder_is_redirected_when_asked_without_its_slash(metadata_url: str) -> None:
    answer = value(metadata_url, "instance/service-accounts/default", recursive="true")

    assert answer.status_code == 301
    assert answer.headers["location"].endswith("/instance/service-accounts/default/?recursive=true")


def test_account_of_no_service_is_answered_with_404_when_a_token_is_asked(metadata_url: str) -> None:
    assert value(metadata_url, "instance/service-accounts/mira@example.com/token").status_code == 404


def test_metadata_server_answers_404_when_the_path_is_unknown(metadata_url: str) -> None:
    assert value(metadata_url, "instance/disks/0").status_code == 404


def test_token_of_a_person_names_the_person_when_verified(
    id_token_of: Callable[[str, str], str], metadata_url: str
) -> None:
    token = id_token_of("mira@example.com", "http://127.0.0.1:9400")

    assert verify(token, metadata_url, "http://127.0.0.1:9400")["email"] == "mira@example.com"


def test_service_account_is_answered_with_400_when_asked_for_as_a_person(metadata_url: str) -> None:
    answer = loopback.post(f"{metadata_url}/_local/person", json={"email": WORKFLOW, "audience": "https://a.example"})

    assert answer.status_code == 400


def test_both_forms_name_one_key_when_published_keys_are_read(metadata_url: str) -> None:
    certificates = loopback.get(f"{metadata_url}/oauth2/v1/certs").json()
    keys = loopback.get(f"{metadata_url}/oauth2/v3/certs").json()["keys"]

    assert [key["kid"] for key in keys] == list(certificates)
    assert keys[0]["alg"] == "RS256"


def test_signing_key_stays_the_same_when_loaded_again(tmp_path: Path) -> None:
    first, again = SigningKey.kept_in(tmp_path, "google"), SigningKey.kept_in(tmp_path, "google")

    assert first.sign(b"a scene") == again.sign(b"a scene")
    assert first.certificate == again.certificate
