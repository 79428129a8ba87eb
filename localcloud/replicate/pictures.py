"""Input pictures, as the model sees them: fetched from their URL or read from the data URI when the prediction runs."""

import base64
import binascii
import io
import re
from urllib.parse import unquote_to_bytes

import httpx
from PIL import Image

from localcloud.identity import is_loopback

_DATA_URI = re.compile(r"data:[^,;]*(?:;[^,;]*)*?(?P<encoded>;base64)?,(?P<content>.*)", re.DOTALL)
_TIMEOUT_S = 30.0
_FORMATS = ("PNG", "JPEG", "WEBP")


class PictureError(Exception):
    """There is no picture to be had from there; the text says why."""


class Pictures:
    """Fetches what inputs point to, from this machine only: for anything else the network is as if it were down."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S)

    async def close(self) -> None:
        await self._client.aclose()

    async def read(self, uri: str) -> bytes:
        """The encoded picture. Raises: PictureError."""
        content = _decode(uri) if uri.startswith("data:") else await self._fetch(uri)
        try:
            with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
                picture.verify()
        except (OSError, SyntaxError) as error:
            raise PictureError(f"cannot identify image file: {_shown(uri)}") from error
        return content

    async def _fetch(self, url: str) -> bytes:
        if not is_loopback(url):
            raise PictureError(f"Max retries exceeded with url: {_shown(url)}")
        try:
            answer = await self._client.get(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PictureError(f"Max retries exceeded with url: {_shown(url)} ({error!r})") from error
        if answer.status_code != httpx.codes.OK:
            raise PictureError(f"{answer.status_code} Client Error for url: {_shown(url)}")
        return answer.content


def is_upright(encoded: bytes) -> bool:
    """Whether the picture is higher than wide."""
    with Image.open(io.BytesIO(encoded)) as picture:
        return picture.height > picture.width


def _decode(uri: str) -> bytes:
    if (found := _DATA_URI.fullmatch(uri)) is None:
        raise PictureError(f"not a data URI: {_shown(uri)}")
    try:
        return (
            base64.b64decode(found["content"], validate=True)
            if found["encoded"]
            else unquote_to_bytes(found["content"])
        )
    except (binascii.Error, ValueError) as error:
        raise PictureError(f"not base64: {_shown(uri)}") from error


def _shown(uri: str) -> str:
    """Without its query, which may be a signature, and short."""
    return uri.partition("?")[0][:120]
