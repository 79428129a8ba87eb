"""``python -m localcloud metadata``: a tree of values over HTTP, a folder as a listing or as JSON.

One app for each listener: a process names its account by the port it calls. All listeners sign with one key.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from localcloud.metadata.tokens import (
    GOOGLE,
    TOKEN_LIFETIME_S,
    Mint,
    SigningKey,
    TokenRefused,
    is_service_account,
    subject,
)
from localcloud.serving import ApiError, answer_api_error, health, serve

Tree: TypeAlias = dict[str, Any]

SCOPES = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email")
ZONE = "us-central1-a"
REGION = "us-central1"


def metadata_tree(project: str, own_account: str) -> Tree:
    """All fixed values under ``/computeMetadata/v1``; tokens are made on request and not part of it."""
    number = project_number(project)
    return {
        "project": {"project-id": project, "numeric-project-id": number},
        "instance": {
            "id": subject(own_account)[:19],
            "region": f"projects/{number}/regions/{REGION}",
            "zone": f"projects/{number}/zones/{ZONE}",
            "service-accounts": {"default": account_tree(own_account), own_account: account_tree(own_account)},
        },
        "universe": {"universe-domain": "googleapis.com"},
    }


def account_tree(email: str) -> Tree:
    return {"aliases": ["default"], "email": email, "scopes": list(SCOPES)}


def project_number(project: str) -> str:
    """A stable 12-digit number for a project id."""
    return subject(project)[-12:].rjust(12, "1")


def find(tree: Tree, path: str) -> Any:
    """The value at ``a/b/c`` (empty parts ignored).

    Raises:
        KeyError: there is none.
    """
    value: Any = tree
    for part in path.split("/"):
        if part:
            if not isinstance(value, dict):
                raise KeyError(path)
            value = value[part]
    return value


def listing(value: Any) -> str:
    """A folder's names, sub-folders with a slash; a list's items one a line; a value itself."""
    if isinstance(value, dict):
        return "".join(f"{name}/\n" if isinstance(inner, dict) else f"{name}\n" for name, inner in value.items())
    if isinstance(value, list):
        return "".join(f"{item}\n" for item in value)
    return str(value)


def recursive(value: Any) -> str:
    """The folder and all below as JSON, keys in the camelCase of the real server (e-mail addresses as they are)."""
    return json.dumps(_camel_keys(value))


def _camel_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {_camel(name): _camel_keys(inner) for name, inner in value.items()}
    return value


def _camel(name: str) -> str:
    if "@" in name:
        return name
    head, *rest = name.split("-")
    return head + "".join(word.capitalize() for word in rest)


FLAVOR = {"Metadata-Flavor": "Google"}

_V1 = "/computeMetadata/v1"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks on one listener, and with whose signature the answers are given."""

    project: str
    account: str
    mint: Mint


def metadata_app(identity: Identity) -> Starlette:
    routes = [
        Route("/", _root),
        Route(_V1, _with_slash),
        Route(f"{_V1}/instance/service-accounts/{{account}}/token", _guarded(_token)),
        Route(f"{_V1}/instance/service-accounts/{{account}}/identity", _guarded(_identity)),
        Route(f"{_V1}/{{path:path}}", _guarded(_value)),
        Route("/oauth2/v1/certs", _certificates),
        Route("/oauth2/v3/certs", _jwks),
        Route("/_local/tokeninfo", _tokeninfo),
        Route("/_local/person", _person, methods=["POST"]),
        Route("/_local/health", health),
    ]
    app = Starlette(routes=routes, exception_handlers={ApiError: answer_api_error})
    app.state.identity = identity
    return app


def _guarded(answer: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    """The real server's protection against requests a browser or proxy could be tricked into sending."""

    async def checked(request: Request) -> Response:
        if request.headers.get("metadata-flavor") != "Google":
            response: Response = PlainTextResponse("Missing Metadata-Flavor:Google header.\n", status_code=403)
        elif "x-forwarded-for" in request.headers:
            response = PlainTextResponse("Requests with X-Forwarded-For are refused.\n", status_code=403)
        else:
            response = answer(request)
        response.headers.update(FLAVOR)
        return response

    return checked


async def _root(_: Request) -> Response:
    return PlainTextResponse("computeMetadata/\n", headers=FLAVOR)


async def _with_slash(request: Request) -> Response:
    return RedirectResponse(f"{request.url.path}/", status_code=301, headers=FLAVOR)


def _value(request: Request) -> Response:
    identity = _asked(request)
    path = request.path_params["path"]
    values = metadata_tree(identity.project, identity.account)
    account = _account_in(path)
    if account and is_service_account(account):
        values["instance"]["service-accounts"].setdefault(account, account_tree(account))
    try:
        value = find(values, path)
    except KeyError:
        return PlainTextResponse(f"{path}: no such metadata\n", status_code=404)
    if isinstance(value, dict) and path and not path.endswith("/"):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{request.url.path}/{query}", status_code=301)
    if request.query_params.get("recursive", "").lower() == "true" or request.query_params.get("alt") == "json":
        return Response(recursive(value), media_type="application/json")
    return Response(listing(value), headers={"Content-Type": "application/text"})


def _token(request: Request) -> Response:
    account = _named_account(request)
    if account is None:
        return _no_account(request)
    token = _asked(request).mint.access_token(account)
    # A second less than its life, as the real server's counter has already begun when the answer arrives.
    return JSONResponse({"access_token": token, "expires_in": TOKEN_LIFETIME_S - 1, "token_type": "Bearer"})


def _identity(request: Request) -> Response:
    account = _named_account(request)
    if account is None:
        return _no_account(request)
    audience = request.query_params.get("audience")
    if not audience:
        return PlainTextResponse("non-empty audience parameter required\n", status_code=400)
    token = _asked(request).mint.id_token(account, audience)
    return Response(token, headers={"Content-Type": "text/html"})


async def _certificates(request: Request) -> Response:
    key = _asked(request).mint.key
    return JSONResponse({key.key_id: key.certificate}, headers={"Cache-Control": "public, max-age=3600"})


async def _jwks(request: Request) -> Response:
    key = _asked(request).mint.key
    return JSONResponse({"keys": [key.jwk()]}, headers={"Cache-Control": "public, max-age=3600"})


async def _tokeninfo(request: Request) -> Response:
    try:
        claims = _asked(request).mint.holder(request.query_params.get("access_token", ""))
    except TokenRefused:
        return JSONResponse({"error": "invalid_token", "error_description": "Invalid Value"}, status_code=400)
    return JSONResponse(
        {"email": claims["email"], "exp": claims["exp"], "expires_in": int(claims["exp"] - time.time())}
    )


async def _person(request: Request) -> Response:
    """What ``gcloud auth print-identity-token`` would give a signed-in person."""
    body: dict[str, Any] = await request.json()
    email, audience = body.get("email"), body.get("audience")
    if not isinstance(email, str) or "@" not in email or not isinstance(audience, str) or not audience:
        raise ApiError(400, "a person's token needs an e-mail address and an audience")
    if is_service_account(email):
        raise ApiError(400, f"{email} is a service account, not a person")
    lifetime_s = int(body.get("lifetime_s", TOKEN_LIFETIME_S))
    return JSONResponse({"id_token": _asked(request).mint.id_token(email, audience, lifetime_s)})


def _asked(request: Request) -> Identity:
    identity: Identity = request.app.state.identity
    return identity


def _named_account(request: Request) -> str | None:
    """The account a path means: ``default`` is the listener's own; any service account may be named by its address."""
    name: str = request.path_params["account"]
    if name == "default":
        return _asked(request).account
    return name if is_service_account(name) else None


def _no_account(request: Request) -> Response:
    return PlainTextResponse(f"{request.path_params['account']}: no such service account\n", status_code=404)


def _account_in(path: str) -> str | None:
    prefix = "instance/service-accounts/"
    return path.removeprefix(prefix).split("/")[0] if path.startswith(prefix) else None


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True, help="the main listener")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder of the signing keys")
    parser.add_argument("--identities", type=Path, help='JSON: {"listeners": {"PORT": "account e-mail"}}')
    parser.add_argument("--project", default="local", help="project id (default: local)")


def run(args: argparse.Namespace) -> int:
    mint = Mint(SigningKey.kept_in(args.state_dir, GOOGLE), time.time)
    accounts = {args.port: f"default@{args.project}.iam.gserviceaccount.com"}
    if args.identities:
        listeners = json.loads(args.identities.read_text())["listeners"]
        accounts |= {int(port): account for port, account in listeners.items()}
    asyncio.run(serve({port: metadata_app(Identity(args.project, email, mint)) for port, email in accounts.items()}))
    return 0
