"""Translate the exceptions of Google's clients for every service whose calls cost nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from promptreel.errors import Broken, NotFound, PromptreelError, Transient, VersionConflict


@contextmanager
def translate_google_errors(doing: str) -> Iterator[None]:
    """Raise our error for one of Google's clients; the original stays as the cause.

    Args: ``doing`` begins the message, such as "read job".
    Raises: NotFound, VersionConflict (409, 412), Broken (other 4xx), Transient (429, 499, 5xx, no answer).
    """
    from google.api_core import exceptions as google  # noqa: PLC0415 - cold start
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    try:
        yield
    except google.NotFound as error:
        raise NotFound(f"{doing}: not found") from error
    except google.FailedPrecondition as error:
        raise _failed_precondition(doing, error.message) from error
    except (google.Conflict, google.PreconditionFailed) as error:
        raise VersionConflict(f"{doing}: {error.message}") from error
    except (google.Forbidden, google.Unauthorized) as error:
        raise Broken(f"{doing}: {error.message}", code="misconfigured") from error
    except google.ClientError as error:
        # No caller here cancels a call, so the server did: its stream broke, and the call may be repeated.
        is_transient = isinstance(error, google.TooManyRequests | google.Cancelled)
        kind = Transient if is_transient else Broken
        raise kind(f"{doing}: {error.message}") from error
    except (google.GoogleAPIError, GoogleAuthError, RequestException, ConnectionError, TimeoutError) as error:
        raise Transient(f"{doing}: {error!r}") from error


def _failed_precondition(doing: str, message: str) -> PromptreelError:
    """A stale version in a write, or a query whose index does not exist or is not built yet.

    Source: the texts of Firestore's error, as in https://github.com/googleapis/google-cloud-go/pull/12328
    """
    if "requires an index" not in message:
        return VersionConflict(f"{doing}: {message}")
    if "currently building" in message:
        return Transient(f"{doing}: {message}")
    return Broken(
        f"{doing}: {message}",
        code="misconfigured",
        remedy="Create the index that the message names; make deploy creates every index that this version needs.",
    )
