"""Identity-Aware Proxy's assertion, checked with real keys that a loopback server publishes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from flask.testing import FlaskClient
from google.auth import jwt
from google.auth.crypt import RSASigner
from google.auth.crypt.es256 import ES256Signer

from promptreel.adapters.identity import IAP_ASSERTION, IdentityAwareProxy, InvokerCheck
from promptreel.composition import services_from
from promptreel.errors import NotAllowed, Transient
from promptreel.http import routes
from promptreel.settings import Settings
from tests.fakes.services import FakeServices
from tests.fakes.system import FakeClock
from tests.unit.adapters.conftest import serve
from tests.unit.http.api_requests import bearer
from tests.unit.test_settings import COMPLETE

AUDIENCE = "/projects/123/locations/us-central1/services/studio"


def private_pem(key: Any) -> bytes:
    made: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made


def public_pem(key: Any) -> str:
    made: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made.decode()


class IapKeys:
    """The page with the proxy's public keys, and the private ones."""

    def __init__(self) -> None:
        self.url = ""
        self.signing = {"k1": ec.generate_private_key(ec.SECP256R1())}
        self.status = 200
        self.requests = 0

    def answer(self, _target: str, _headers: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        self.requests += 1
        return self.status, {name: public_pem(key) for name, key in self.signing.items()}

    def assertion(self, key: str = "k1", without: str = "", **changes: Any) -> dict[str, str]:
        """Headers as the proxy sends them."""
        now = datetime.now(UTC)
        claims = {
            "iss": "https://cloud.google.com/iap", "aud": AUDIENCE, "email": "mira@example.com", "sub": "accounts:1",
            "iat": int((now - timedelta(minutes=1)).timestamp()), "exp": int((now + timedelta(minutes=9)).timestamp()),
        } | changes  # fmt: skip
        claims.pop(without, None)
        return {
            IAP_ASSERTION: jwt.encode(ES256Signer.from_string(private_pem(self.signing[key]), key), claims).decode()
        }


@contextmanager
def published() -> Iterator[IapKeys]:
    page = IapKeys()
    with serve(page.answer) as page.url:
        yield page


@pytest.fixture
def google() -> Iterator[IapKeys]:
    with published() as page:
        yield page


@pytest.fixture
def proxy(google: IapKeys, clock: FakeClock) -> IdentityAwareProxy:
    return IdentityAwareProxy(AUDIENCE, clock, google.url)


def test_valid_assertion_names_the_caller(proxy: IdentityAwareProxy, google: IapKeys) -> None:
    assert proxy.identify_caller(google.assertion().get) == "mira@example.com"


def test_forged_token_is_ignored_when_there_is_no_assertion(proxy: IdentityAwareProxy) -> None:
    headers = bearer("victim@example.com") | {"X-Goog-Authenticated-User-Email": "accounts:victim@example.com"}

    with pytest.raises(NotAllowed) as refused:
        proxy.identify_caller(headers.get)

    assert (refused.value.code, "browser" in refused.value.remedy) == ("not_signed_in", True)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "/projects/123/locations/us-central1/services/other"},
        {"iss": "https://accounts.google.com"},
        {"email": ""},
        {"exp": 1_700_000_000, "iat": 1_699_999_000},
        {"without": "exp"},
        {"without": "email"},
    ],
)
def test_assertion_is_refused_when_any_part_is_wrong(
    proxy: IdentityAwareProxy, google: IapKeys, changes: dict[str, Any]
) -> None:
    with pytest.raises(NotAllowed):
        proxy.identify_caller(google.assertion(**changes).get)


def test_assertion_is_refused_when_signed_by_another_key_of_a_known_name(
    proxy: IdentityAwareProxy, google: IapKeys
) -> None:
    assert proxy.identify_caller(google.assertion().get)
    google.signing["k1"] = ec.generate_private_key(ec.SECP256R1())

    with pytest.raises(NotAllowed):
        proxy.identify_caller(google.assertion().get)


@pytest.mark.parametrize("text", ["x", "a.b.c", "e30.e30.e30"])
def test_request_is_refused_when_it_has_no_assertion(proxy: IdentityAwareProxy, text: str) -> None:
    with pytest.raises(NotAllowed):
        proxy.identify_caller({IAP_ASSERTION: text}.get)


def test_assertion_is_refused_when_its_signature_is_wrong(proxy: IdentityAwareProxy, google: IapKeys) -> None:
    claims = jwt.decode(google.assertion()[IAP_ASSERTION], verify=False)
    signer = RSASigner.from_string(private_pem(rsa.generate_private_key(65537, 2048)), "k1")

    with pytest.raises(NotAllowed):
        proxy.identify_caller({IAP_ASSERTION: jwt.encode(signer, claims).decode()}.get)


def test_keys_are_kept_for_an_hour(proxy: IdentityAwareProxy, google: IapKeys, clock: FakeClock) -> None:
    for _ in range(3):
        proxy.identify_caller(google.assertion().get)
    assert google.requests == 1

    clock.pass_s(3601)
    proxy.identify_caller(google.assertion().get)

    assert google.requests == 2


def test_new_key_is_fetched_at_most_once_a_minute(proxy: IdentityAwareProxy, google: IapKeys, clock: FakeClock) -> None:
    proxy.identify_caller(google.assertion().get)
    google.signing["k2"] = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(NotAllowed):
        proxy.identify_caller(google.assertion("k2").get)
    assert google.requests == 1

    clock.pass_s(61)

    assert proxy.identify_caller(google.assertion("k2").get) == "mira@example.com"


def test_identity_is_transient_when_the_keys_cannot_be_fetched(clock: FakeClock) -> None:
    with published() as google:
        google.status = 503
        proxy = IdentityAwareProxy(AUDIENCE, clock, google.url)
        with pytest.raises(Transient):
            proxy.identify_caller(google.assertion().get)
        google.status = 200
        assert proxy.identify_caller(google.assertion().get)
        headers = google.assertion()
    with pytest.raises(Transient):
        IdentityAwareProxy(AUDIENCE, clock, google.url).identify_caller(headers.get)


@pytest.mark.parametrize("page", [b"<html>try again later</html>", b"", b"[]"])
def test_identity_is_transient_when_the_page_holds_no_keys(google: IapKeys, clock: FakeClock, page: bytes) -> None:
    with serve(lambda *_: (200, page)) as url, pytest.raises(Transient):
        IdentityAwareProxy(AUDIENCE, clock, url).identify_caller(google.assertion().get)


def test_studio_takes_the_owner_from_the_assertion_alone(
    world: FakeServices, proxy: IdentityAwareProxy, google: IapKeys
) -> None:
    world.identity = proxy
    http: FlaskClient = routes.app(lambda: world).test_client()

    made = http.post("/v1/jobs", json={"prompt": "A lighthouse"}, headers=google.assertion())

    assert world.jobs.get_job(made.get_json()["id"]).value.owner == "mira@example.com"
    assert http.get("/v1/jobs", headers=bearer("mira@example.com")).status_code == 403


def test_composition_checks_assertions_when_an_audience_is_set() -> None:
    settings = Settings.from_env(COMPLETE)

    assert isinstance(services_from(replace(settings, iap_audience=AUDIENCE)).identity, IdentityAwareProxy)
    assert isinstance(services_from(replace(settings, iap_audience="")).identity, InvokerCheck)
