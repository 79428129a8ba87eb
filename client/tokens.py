"""Where the caller's ID token comes from, at the start and again each time that it has expired.

In this order: the token that was given, the user's own command, a service account (by Application Default
Credentials), gcloud. A token of gcloud names no audience, so whoever gets it may use it elsewhere: without the user's
word it is sent to Google's own addresses of services only.
"""

import base64
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from client.configuration import TOKEN_COMMAND
from client.errors import InvalidInput
from client.web_address import is_loopback

CREDENTIALS: Final = "GOOGLE_APPLICATION_CREDENTIALS"
COMMAND_TIMEOUT_S: Final = 60
GCLOUD: Final = ("gcloud", "auth", "print-identity-token")
_GOOGLE_HOSTS: Final = (".run.app", ".cloudfunctions.net")
_SERVICE_ACCOUNT: Final = ".gserviceaccount.com"


@dataclass(frozen=True, slots=True)
class TokenSource:
    """What gives tokens: its name, the call, and whether a later call gives a fresh one."""

    name: str
    get: Callable[[], str]
    is_renewable: bool = True


def token_source(api: httpx.URL, token: str, command: str | None) -> TokenSource:
    """Return where tokens for this API come from. Raises: InvalidInput, with how to get one, where there is none."""
    if command:
        return TokenSource(command, lambda: _run(_split(command), TOKEN_COMMAND))
    if token:
        return TokenSource("PROMPTREEL_TOKEN", lambda: token, is_renewable=False)
    if is_loopback(api):
        raise InvalidInput(
            "PROMPTREEL_TOKEN is not set.",
            remedy="On your own machine `python -m localcloud up` prints it as an export line.",
        )
    by_file = os.environ.get(CREDENTIALS)
    if not by_file and shutil.which(GCLOUD[0]) and api.host.endswith(_GOOGLE_HOSTS):
        return TokenSource(" ".join(GCLOUD), lambda: _ask_gcloud(_origin(api)))
    name = CREDENTIALS if by_file else "the service account of this machine"
    return TokenSource(name, lambda: _fetch_by_credentials(_origin(api), name))


def read_claims(token: str) -> dict[str, Any]:
    """Read what an ID token says of itself, unchecked: for a person to look at. Empty for another kind of token."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _split(command: str) -> list[str]:
    """Split a command as a shell does. Raises: InvalidInput for an open quote."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise InvalidInput(f"{TOKEN_COMMAND} failed: {error}.", remedy="Run it in a shell to see why.") from error


def _origin(api: httpx.URL) -> str:
    """The audience of a Cloud Run service is its address without a path."""
    return f"{api.scheme}://{api.netloc.decode()}"


def _run(command: Sequence[str], name: str) -> str:
    """Return what the command prints. Raises: InvalidInput when it fails or prints nothing."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=True)
    except subprocess.CalledProcessError as error:
        said = f" {error.stderr.strip()}" if error.stderr else ""
        raise InvalidInput(
            f"{name} failed: exit code {error.returncode}.{said}", remedy="Run it in a shell to see why."
        ) from error
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise InvalidInput(f"{name} failed: {error}.", remedy="Run it in a shell to see why.") from error
    if not ran.stdout.strip():
        raise InvalidInput(f"{name} printed no token.", remedy="Run it in a shell to see why.")
    return ran.stdout.strip()


def _ask_gcloud(audience: str) -> str:
    """Ask for the token of the account that gcloud uses.

    A service account must name the audience, a person cannot.
    Source: https://cloud.google.com/sdk/gcloud/reference/auth/print-identity-token
    """
    try:
        token = _run(GCLOUD, "gcloud")
    except InvalidInput as error:
        if "--audiences" not in error.message:
            error.remedy = "Run: gcloud auth login"
            raise
        token = None
    if token is None or str(read_claims(token).get("email", _SERVICE_ACCOUNT)).endswith(_SERVICE_ACCOUNT):
        return _run((*GCLOUD, f"--audiences={audience}", "--include-email"), "gcloud")
    return token


def _fetch_by_credentials(audience: str, name: str) -> str:
    """Ask for a service account's token by Application Default Credentials; google-auth makes it."""
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - slow to load
    from google.auth.transport.requests import Request  # noqa: PLC0415
    from google.oauth2.id_token import fetch_id_token  # noqa: PLC0415

    try:
        return str(fetch_id_token(Request(), audience))
    except GoogleAuthError as error:
        raise InvalidInput(
            f"PROMPTREEL_TOKEN is not set, and {name} gives no ID token: {error}",
            remedy="As a person, install gcloud (https://cloud.google.com/sdk/docs/install) and run "
            "`gcloud auth login`; for an address that is not Google's own, also: "
            f"promptreel config token_command '{' '.join(GCLOUD)}'. As a program, let {CREDENTIALS} name the key of a "
            "service account.",
        ) from error
