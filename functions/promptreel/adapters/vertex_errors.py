"""How a paid Vertex AI call can fail, told apart by the only question that matters: may it have been paid?

From the wire facts of google-genai 3.4: ``APIError.code`` is the HTTP status; transport errors are httpx2's and are not
APIErrors; only an error before the connection stood is certainly "not sent".
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from promptreel.errors import AnswerLost, CallFailed, Refused, Unpaid

_REFUSALS = frozenset({400, 401, 403, 404})
_SUPPORT_CODE = re.compile(r"\b\d{8}\b")


@contextmanager
def paid_call(doing: str) -> Iterator[None]:
    """Translate whatever a paid POST raises. Raises: Unpaid, Refused, AnswerLost."""
    import httpx2  # noqa: PLC0415 - cold start
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.genai.errors import APIError  # noqa: PLC0415

    try:
        yield
    except CallFailed:
        raise
    except APIError as error:
        reason = f"{doing}: {error.code} {error.message}"
        if error.code == 429:  # noqa: PLR2004 - HTTP
            raise Unpaid(reason) from error
        if error.code in _REFUSALS:
            raise Refused(reason, codes=support_codes(str(error.message))) from error
        raise AnswerLost(reason) from error
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, GoogleAuthError) as error:
        raise Unpaid(f"{doing}: never sent: {error!r}") from error
    except Exception as error:  # the SDK lets its HTTP library's and JSON's errors through
        raise AnswerLost(f"{doing}: {error!r}") from error


def support_codes(text: str) -> tuple[str, ...]:
    """The safety support codes in a message, such as ``Support codes: 15236754``."""
    _, found, codes = text.partition("upport code")
    return tuple(_SUPPORT_CODE.findall(codes)) if found else ()
