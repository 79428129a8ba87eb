"""Every error promptreel raises on purpose, sorted by what the caller should do next.

`Rejected`: change the request; the remedy says how. `Transient`: the same call may succeed later. `Broken`: a bug or a
wrong configuration; stop, keep everything. How a paid call may fail is recorded in the ledger, as the `CallFailed` that
its adapter raised, before any of these is.

Nothing here knows HTTP frameworks or Google; ``status`` is for the HTTP edge, which translates.
"""

from typing import ClassVar


class PromptreelError(Exception):
    """Base of every error: a message for people, a stable code, and what to do about it."""

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "broken"

    def __init__(self, message: str, *, code: str = "", remedy: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.remedy = remedy
        self.retry_after_s = retry_after_s


class Rejected(PromptreelError):
    """The request cannot be met; repeating it unchanged is pointless."""

    status = 400
    default_code = "rejected"


class NotFound(Rejected):
    """It does not exist, or this caller may not see it."""

    status = 404
    default_code = "not_found"


class NotAllowed(Rejected):
    """The caller is known and has no permission for this."""

    status = 403
    default_code = "not_allowed"


class Conflict(Rejected):
    """The job, scene or id is in a state that does not allow this."""

    status = 409
    default_code = "conflict"


class Changed(Rejected):
    """It is not as the caller has seen it."""

    status = 412
    default_code = "changed_since"


class TooLarge(Rejected):
    """The input is over a limit that the message names."""

    status = 413
    default_code = "too_large"


class Invalid(Rejected):
    """A field of the input is wrong; the message names the field and the limit."""

    status = 422
    default_code = "invalid"


class BudgetExceeded(Rejected):
    """The next paid call, or the plan, does not fit the job's limit. Nothing was sent."""

    status = 402
    default_code = "budget_exceeded"


class Transient(PromptreelError):
    """Refused or broken I/O: the same call may succeed later."""

    status = 503
    default_code = "transient"


class VersionConflict(Transient):
    """A compare-and-set found another version than the one read: read again, decide again."""

    default_code = "lost_race"


class QuotaExhausted(Transient):
    """The provider's own rate limit; slowing the whole queue is the right answer."""

    status = 429
    default_code = "quota_exhausted"


class TooMany(Transient):
    """The caller's own limit: ``retry_after_s`` says when there may be room again."""

    status = 429
    default_code = "too_many_requests"


class Broken(PromptreelError):
    """A bug or a wrong configuration. The job fails, everything made so far is kept."""


class UnreadableDocument(Broken):
    """A stored document holds what this version does not understand. It is left as it is."""

    default_code = "unreadable_document"

    def __init__(self, path: str, faults: str) -> None:
        super().__init__(
            f"{path} was stored by another version of promptreel, and this one cannot read it ({faults}).",
            remedy="Nothing stored is lost. Deploy the version that wrote it, or a newer one, and resume the job.",
        )
        self.path = path


class Misconfigured(Broken):
    """A model, role or setting is missing: no other prompt, seed or keyframe can help."""

    default_code = "misconfigured"


class CallFailed(Exception):
    """A paid call ended without a usable answer; the subclass says whether it may have cost anything."""

    def __init__(self, reason: str, *, codes: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.codes = codes


class Unpaid(CallFailed):
    """Certainly not paid, and the same call may be sent again later."""


class Throttled(Unpaid):
    """The provider's rate limit: calls of the same model should slow down."""


class Refused(CallFailed):
    """Certainly not paid, and the same call unchanged would be refused again."""


class AnswerLost(CallFailed):
    """Perhaps paid: the request may have been accepted and its answer lost."""
