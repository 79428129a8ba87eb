"""Requests as people send them to the API."""

import base64
import json
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PROMPT = {"prompt": "A lighthouse keeper waits"}


def bearer(email: str = "mira@example.com", **claims: Any) -> dict[str, str]:
    """A token as the gate forwards it: verified, its signature taken away."""
    payload = {"email": email, "email_verified": True, **claims}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in ({}, payload)]
    return {"Authorization": f"Bearer {'.'.join(parts)}.SIGNATURE_REMOVED_BY_GOOGLE"}


def submit(http: FlaskClient, body: Any = None, **headers: str) -> TestResponse:
    return http.post("/v1/jobs", json=body or PROMPT, headers={**bearer(), **headers})
