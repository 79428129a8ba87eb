"""The request that a caller sent with an Idempotency-Key, and the answer to it (docs/adr/0028)."""

from datetime import datetime, timedelta

from promptreel.domain import identifiers
from promptreel.domain.document import Document, UtcDatetime

KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=90)  # longer than the API may take to answer a write (infra/config/services.json)


class StoredAnswer(Document):
    """``answers/{digest of caller and key}``: no name, no key.

    ``status`` is None while a worker is at the request, which its ``lease`` bounds. An answer that holds a secret is
    kept without its body: the request is carried out again.
    """

    id: str
    fingerprint: str  # digest of the request
    holder: str  # the worker's token
    lease: UtcDatetime
    status: int | None = None
    body: str | None = None  # JSON text
    job: str | None = None  # the job of which the body tells; the answer is deleted with it
    created: UtcDatetime
    updated: UtcDatetime
    expires: UtcDatetime  # Firestore's TTL policy reads this field

    @classmethod
    def begin(cls, answer_id: str, fingerprint: str, holder: str, now: datetime) -> "StoredAnswer":
        """The document of a request that a worker begins to carry out."""
        return cls(
            id=answer_id,
            fingerprint=fingerprint,
            holder=holder,
            lease=now + LEASE,
            created=now,
            updated=now,
            expires=now + KEPT,
        )

    def taken_over(self, holder: str, now: datetime) -> "StoredAnswer":
        """The document after a worker died: another one carries the request out again."""
        return self._copy_with({"holder": holder, "lease": now + LEASE, "updated": now})

    def interrupted(self, now: datetime) -> "StoredAnswer":
        """The document of a request that broke: it may have had effect, and may be carried out again at once."""
        return self._copy_with({"lease": now, "updated": now})

    def answered(self, status: int, body: str | None, job: str | None, now: datetime) -> "StoredAnswer":
        """The document with the answer that every repetition gets."""
        return self._copy_with({"status": status, "body": body, "job": job, "updated": now})


def answer_id(caller: str, key: str) -> str:
    """The id of the document of a caller's key."""
    return identifiers.digest("answer", caller, key)
