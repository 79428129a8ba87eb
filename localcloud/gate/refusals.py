"""The pages Google's front end answers with when a request does not reach the service."""

import html

from starlette.responses import HTMLResponse, PlainTextResponse, Response

_PAGE = """
<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>{status} {title}</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: {title}</h1>
<h2>{sentence}</h2>
</body></html>
"""


def unauthorized(path: str) -> Response:
    sentence = f"Your client does not have permission to the requested URL <code>{html.escape(path)}</code>."
    challenge = 'Bearer error="invalid_token" error_description="The access token could not be verified"'
    return _page(401, "Unauthorized", sentence, {"WWW-Authenticate": challenge})


def forbidden(path: str) -> Response:
    sentence = f"Your client does not have permission to get URL <code>{html.escape(path)}</code> from this server."
    challenge = 'Bearer error="insufficient_scope" error_description="The caller may not invoke this service"'
    return _page(403, "Forbidden", sentence, {"WWW-Authenticate": challenge})


def too_large() -> Response:
    return _page(413, "Request Entity Too Large", "Your client issued a request that was too large.")


def no_instance() -> Response:
    """What a service at its maximum of instances answers: no JSON, and nothing of the request was executed."""
    return HTMLResponse("Rate exceeded.", status_code=429)


def unavailable() -> Response:
    return PlainTextResponse("Service Unavailable", status_code=503)


def timed_out() -> Response:
    return PlainTextResponse("upstream request timeout", status_code=504)


def _page(status: int, title: str, sentence: str, headers: dict[str, str] | None = None) -> Response:
    page = _PAGE.format(status=status, title=title, sentence=sentence)
    return HTMLResponse(page, status_code=status, headers=headers)
