"""The metadata server's HTTP face: one app per listener, because a process names its account by the port it asks."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from localcloud.metadata import tree
from localcloud.metadata.tokens import TOKEN_LIFETIME_S, Mint, TokenRefused, is_service_account
from localcloud.serving import ApiError, answer_api_error, health

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
    values = tree.metadata_tree(identity.project, identity.account)
    account = _account_in(path)
    if account and is_service_account(account):
        values["instance"]["service-accounts"].setdefault(account, tree.account_tree(account))
    try:
        value = tree.find(values, path)
    except KeyError:
        return PlainTextResponse(f"{path}: no such metadata\n", status_code=404)
    if isinstance(value, dict) and path and not path.endswith("/"):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{request.url.path}/{query}", status_code=301)
    if request.query_params.get("recursive", "").lower() == "true" or request.query_params.get("alt") == "json":
        return Response(tree.recursive(value), media_type="application/json")
    return Response(tree.listing(value), headers={"Content-Type": "application/text"})


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
    wish: dict[str, Any] = await request.json()
    email, audience = wish.get("email"), wish.get("audience")
    if not isinstance(email, str) or "@" not in email or not isinstance(audience, str) or not audience:
        raise ApiError(400, "a person's token needs an e-mail address and an audience")
    if is_service_account(email):
        raise ApiError(400, f"{email} is a service account, not a person")
    lifetime_s = int(wish.get("lifetime_s", TOKEN_LIFETIME_S))
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
