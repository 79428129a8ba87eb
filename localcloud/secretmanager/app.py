"""``python -m localcloud secretmanager``: create a secret, add, access and destroy its versions, over REST.

Callers need an access token, and a permission where a file of permissions is given. Shares the metadata server's folder
of keys.
"""

import argparse
import asyncio
import base64
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
from google.cloud import secretmanager_v1
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.metadata.tokens import GOOGLE, Mint, SigningKey, TokenRefused
from localcloud.resources import from_json, to_json
from localcloud.rest import answer_http_error, read_json
from localcloud.secretmanager.store import Secret, Store, Version
from localcloud.serving import ApiError, answer_api_error, health, serve

MAX_PAYLOAD_BYTES = 65_536  # https://cloud.google.com/secret-manager/quotas
_SECRET_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_OF_SECRET = "/v1/projects/{project}/secrets/{secret}"  # noqa: S105 - a path
_OF_VERSION = _OF_SECRET + "/versions/{version}"

Handler = Callable[[Request], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Callers:
    """Who may do what: permissions by e-mail address, or everything for every account of this stack."""

    mint: Mint
    permissions: Mapping[str, Sequence[str]] | None

    def admit(self, request: Request, permission: str) -> None:
        """Raises: ApiError 401, 403."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            caller = self.mint.holder(token if scheme.lower() == "bearer" else "")["email"]
        except TokenRefused as exc:
            raise ApiError(401, "the request needs a valid OAuth 2 access token") from exc
        if self.permissions is not None and permission not in self.permissions.get(caller, ()):
            raise ApiError(403, f"Permission '{permission}' denied on resource (or it may not exist).")


class Routes:
    def __init__(self, store: Store, callers: Callers, now_s: Callable[[], float]) -> None:
        self._store = store
        self._callers = callers
        self._now_s = now_s

    def all(self) -> list[Route]:
        # Paths with a verb come first: a bare {secret} would swallow "name:verb".
        return [
            self._route(f"{_OF_VERSION}:access", "GET", "versions.access", self.access),
            self._route(f"{_OF_VERSION}:destroy", "POST", "versions.destroy", self.destroy),
            self._route(f"{_OF_SECRET}:addVersion", "POST", "versions.add", self.add_version),
            self._route("/v1/projects/{project}/secrets", "POST", "secrets.create", self.create),
            Route("/_local/health", health),
        ]

    def _route(self, path: str, method: str, permission: str, handler: Handler) -> Route:
        async def handle(request: Request) -> Response:
            self._callers.admit(request, f"secretmanager.{permission}")
            return JSONResponse(await handler(request))

        return Route(path, handle, methods=[method])

    async def create(self, request: Request) -> dict[str, Any]:
        secret_id = request.query_params.get("secretId", "")
        if not _SECRET_ID.fullmatch(secret_id):
            raise ApiError(400, f"The provided Secret ID [{secret_id}] does not match the expected format")
        secret = from_json(await read_json(request), secretmanager_v1.Secret.pb())
        if secret.replication.WhichOneof("replication") is None:
            raise ApiError(400, "Field [secret.replication] must be provided with at least one replica.")
        name = f"projects/{request.path_params['project']}/secrets/{secret_id}"
        if not self._store.create(Secret(name, json.dumps(to_json(secret)))):
            raise ApiError(409, f"Secret [{name}] already exists.")
        return {**to_json(secret), "name": name}

    async def add_version(self, request: Request) -> dict[str, Any]:
        asked = from_json(await read_json(request), secretmanager_v1.AddSecretVersionRequest.pb())
        payload = asked.payload
        if not 1 <= len(payload.data) <= MAX_PAYLOAD_BYTES:
            raise ApiError(400, f"The payload must have 1 to {MAX_PAYLOAD_BYTES} bytes.")
        if payload.HasField("data_crc32c") and payload.data_crc32c != google_crc32c.value(payload.data):
            raise ApiError(400, "The payload does not match its checksum.")
        version = self._store.add_version(_secret_name(request), payload.data, self._now_s())
        if version is None:
            raise ApiError(404, f"Secret [{_secret_name(request)}] not found.")
        return _shown(version)

    async def access(self, request: Request) -> dict[str, Any]:
        version = self._find(request)
        if version.data is None:
            raise _is_destroyed(version)
        checksum = str(google_crc32c.value(version.data))
        data = base64.b64encode(version.data).decode()
        return {"name": version.name, "payload": {"data": data, "dataCrc32c": checksum}}

    async def destroy(self, request: Request) -> dict[str, Any]:
        version = self._find(request)
        if version.data is None:
            raise _is_destroyed(version)
        self._store.destroy(version)
        return _shown(self._find(request))

    def _find(self, request: Request) -> Version:
        number = request.path_params["version"]
        found = self._store.version(_secret_name(request), number)
        if found is None:
            raise ApiError(404, f"Secret Version [{_secret_name(request)}/versions/{number}] not found.")
        return found


def secretmanager_app(store: Store, callers: Callers, now_s: Callable[[], float]) -> Starlette:
    handlers = {ApiError: answer_api_error, HTTPException: answer_http_error}
    return Starlette(routes=Routes(store, callers, now_s).all(), exception_handlers=handlers)


def _secret_name(request: Request) -> str:
    return f"projects/{request.path_params['project']}/secrets/{request.path_params['secret']}"


def _shown(version: Version) -> dict[str, Any]:
    state = "DESTROYED" if version.data is None else "ENABLED"
    return {"name": version.name, "state": state, "createTime": version.created}


def _is_destroyed(version: Version) -> ApiError:
    return ApiError(400, f"Secret Version [{version.name}] is in DESTROYED state.", status="FAILED_PRECONDITION")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--keys-dir", type=Path, required=True, help="the metadata server's folder of keys")
    parser.add_argument("--state-dir", type=Path, help="keep the secrets here, readable for who may read the folder")
    parser.add_argument("--permissions", type=Path, help="JSON: permissions by account; without it, all have all")


def run(args: argparse.Namespace) -> int:
    mint = Mint(SigningKey.kept_in(args.keys_dir, GOOGLE), time.time)
    permissions = None if args.permissions is None else json.loads(args.permissions.read_text())
    app = secretmanager_app(Store(args.state_dir), Callers(mint, permissions), time.time)
    asyncio.run(serve({args.port: app}))
    return 0
