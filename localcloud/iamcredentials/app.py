"""``python -m localcloud iamcredentials``: signatures and tokens in a service account's name.

Callers need an access token that allows it. Shares the metadata server's folder of keys.
"""

import argparse
import asyncio
import base64
import binascii
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.metadata.tokens import (
    ACCOUNTS,
    GOOGLE,
    TOKEN_LIFETIME_S,
    Mint,
    SigningKey,
    TokenRefused,
    is_service_account,
    sign_jwt,
)
from localcloud.serving import ApiError, answer_api_error, health, serve


@dataclass(frozen=True, slots=True)
class Signer:
    mint: Mint
    """Google's own: reads the callers' access tokens, issues new ones."""
    account_key: SigningKey
    """What accounts sign with: one key in place of a key for each account."""


def iamcredentials_app(signer: Signer) -> Starlette:
    account = "/v1/projects/{project}/serviceAccounts/{account}"
    routes = [
        Route(f"{account}:signBlob", _sign_blob, methods=["POST"]),
        Route(f"{account}:signJwt", _sign_jwt, methods=["POST"]),
        Route(f"{account}:generateIdToken", _generate_id_token, methods=["POST"]),
        Route(f"{account}:generateAccessToken", _generate_access_token, methods=["POST"]),
        Route("/robot/v1/metadata/x509/{account}", _certificates),
        Route("/service_accounts/v1/jwk/{account}", _jwks),
        Route("/_local/health", health),
    ]
    app = Starlette(routes=routes, exception_handlers={ApiError: answer_api_error})
    app.state.signer = signer
    return app


async def _sign_blob(request: Request) -> Response:
    signer, _, body = await _admitted(request, "signBlob")
    try:
        payload = base64.b64decode(body["payload"], validate=True)
    except (KeyError, TypeError, binascii.Error) as exc:
        raise ApiError(400, "payload must be bytes in base64") from exc
    signature = base64.b64encode(signer.account_key.sign(payload)).decode()
    return JSONResponse({"keyId": signer.account_key.key_id, "signedBlob": signature})


async def _sign_jwt(request: Request) -> Response:
    signer, _, body = await _admitted(request, "signJwt")
    try:
        claims = json.loads(body["payload"])
    except (KeyError, TypeError, json.JSONDecodeError) as exc:
        raise ApiError(400, "payload must be the text of a JSON object of claims") from exc
    return JSONResponse({"keyId": signer.account_key.key_id, "signedJwt": sign_jwt(signer.account_key, claims)})


async def _generate_id_token(request: Request) -> Response:
    signer, account, body = await _admitted(request, "getOpenIdToken")
    if not body.get("audience"):
        raise ApiError(400, "audience is required")
    return JSONResponse({"token": signer.mint.id_token(account, body["audience"])})


async def _generate_access_token(request: Request) -> Response:
    signer, account, body = await _admitted(request, "getAccessToken")
    if not body.get("scope"):
        raise ApiError(400, "scope is required")
    lifetime_s = int(str(body.get("lifetime", f"{TOKEN_LIFETIME_S}s")).removesuffix("s"))
    expires = datetime.fromtimestamp(int(signer.mint.now_s()) + lifetime_s, UTC)
    token = signer.mint.access_token(account, lifetime_s)
    return JSONResponse({"accessToken": token, "expireTime": expires.isoformat().replace("+00:00", "Z")})


async def _certificates(request: Request) -> Response:
    key = _signer(request).account_key
    return JSONResponse({key.key_id: key.certificate})


async def _jwks(request: Request) -> Response:
    return JSONResponse({"keys": [_signer(request).account_key.jwk()]})


async def _admitted(request: Request, permission: str) -> tuple[Signer, str, dict[str, Any]]:
    """The request's account and body, once its caller is known to be that account itself.

    The project grants each account the right to sign for itself and no other, and so does this stand-in.
    """
    signer, account = _signer(request), request.path_params["account"]
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        caller = signer.mint.holder(token if scheme.lower() == "bearer" else "")["email"]
    except TokenRefused as exc:
        raise ApiError(401, "the request needs a valid OAuth 2 access token") from exc
    if not is_service_account(account):
        raise ApiError(404, f"unknown service account {account}")
    if caller != account:
        raise ApiError(403, f"Permission 'iam.serviceAccounts.{permission}' denied on {account} for {caller}")
    try:
        body = await request.json()
    except json.JSONDecodeError as exc:
        raise ApiError(400, "the body is not JSON") from exc
    if not isinstance(body, dict):
        raise ApiError(400, "the body must be a JSON object")
    return signer, account, body


def _signer(request: Request) -> Signer:
    signer: Signer = request.app.state.signer
    return signer


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state-dir", type=Path, required=True, help="the metadata server's folder of keys")


def run(args: argparse.Namespace) -> int:
    mint = Mint(SigningKey.kept_in(args.state_dir, GOOGLE), time.time)
    signer = Signer(mint, SigningKey.kept_in(args.state_dir, ACCOUNTS))
    asyncio.run(serve({args.port: iamcredentials_app(signer)}))
    return 0
