"""Write a file behind a link that the API signed: a small one at once, a large one in a session that survives cuts."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from client.errors import read_problem
from client.transport import Flow, Request, Send
from client.web_address import parse_address

RESUMABLE_BYTES = 1 << 20  # a smaller file is sent again as fast as its session would be asked


def send_once(offered: Mapping[str, Any], content: bytes) -> Flow[None]:
    """Send the whole file in the one request of the link."""
    address = str(parse_address(offered["url"]))
    yield from _send(Request("PUT", address, content=content, headers=offered["headers"]))


def start_session(offered: Mapping[str, Any]) -> Flow[str | None]:
    """Start a session by the link and return its address; None when the file is there already."""
    address = str(parse_address(offered["url"]))
    response = yield from _send(Request("POST", address, content=b"", headers=offered["headers"]))
    return None if response is None else str(parse_address(response.headers["Location"]))


def send_rest(session: str, content: bytes) -> Flow[None]:
    """Ask the session how much of the file has arrived, and send the rest."""
    total = len(content)
    question = Request("PUT", session, content=b"", headers={"Content-Range": f"bytes */{total}"})
    response = yield from _send(question)
    if response is None or response.status_code != HTTPStatus.PERMANENT_REDIRECT:
        return
    start = _arrived(response)
    which = {"Content-Range": f"bytes {start}-{total - 1}/{total}"}
    yield from _send(Request("PUT", session, content=content[start:], headers=which))


def _send(request: Request) -> Flow[httpx.Response | None]:
    """The response; None when the object is there already. Raises: ProblemError for a refusal."""
    response: httpx.Response = yield Send(request)
    if response.status_code == HTTPStatus.PRECONDITION_FAILED:
        return None
    if not response.is_success and response.status_code != HTTPStatus.PERMANENT_REDIRECT:
        raise read_problem(response)
    return response


def _arrived(response: httpx.Response) -> int:
    """How many bytes a session has, as in ``Range: bytes=0-262143``."""
    last = response.headers.get("Range", "").removeprefix("bytes=0-")
    return int(last) + 1 if last.isdigit() else 0
