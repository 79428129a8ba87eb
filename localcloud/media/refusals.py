"""Cloud Storage's XML errors for URLs it does not serve."""

from xml.sax.saxutils import escape

from starlette.responses import Response


def access_denied() -> Response:
    return _xml(403, "AccessDenied", "Access denied.", "Anonymous caller does not have storage.objects.get access.")


def malformed(part: str) -> Response:
    return _xml(400, "AuthenticationRequired", "The signature's query parameters cannot be read.", part)


def expired(since: str) -> Response:
    return _xml(400, "ExpiredToken", "The provided token has expired.", f"Request signature expired at: {since}")


def mismatch(string_to_sign: str) -> Response:
    message = "Access denied. The signature calculated from the request does not match the one it brought."
    return _xml(403, "SignatureDoesNotMatch", message, string_to_sign)


def no_such_key(name: str) -> Response:
    return _xml(404, "NoSuchKey", "The specified key does not exist.", f"No such object: {name}")


def unavailable() -> Response:
    return _xml(503, "ServiceUnavailable", "The object store does not answer.", "")


def _xml(status: int, code: str, message: str, details: str) -> Response:
    inner = f"<Code>{code}</Code><Message>{escape(message)}</Message><Details>{escape(details)}</Details>"
    body = f"<?xml version='1.0' encoding='UTF-8'?><Error>{inner}</Error>"
    return Response(body, status_code=status, media_type="application/xml")
