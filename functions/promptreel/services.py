"""What use cases get from outside, as one value. composition.py makes it of adapters, tests/fakes of fakes."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from promptreel.domain.active_jobs import Limits
from promptreel.domain.models import VideoProtocol
from promptreel.ledger.claims import Ledger
from promptreel.ports.models import ImageGenerator, TextGenerator, VideoGenerator
from promptreel.ports.orchestration import ClipQueue, Executions
from promptreel.ports.pictures import PictureCleaner, PictureUploads, Web
from promptreel.ports.storage import ArtifactStore, Inbox, JobStore
from promptreel.ports.system import Clock, Identity, Ids, Operators
from promptreel.ports.webhooks import DeliveryQueue, SigningSecrets, WebhookSender


@dataclass(frozen=True, slots=True)
class Services:
    """Every port, and five settings.

    ``pace`` multiplies production waits, jobs are kept for ``keep``, ``protocols`` are the video backends switched on,
    ``limits`` what an owner may do at once, ``veo_quota_per_minute`` what the project was granted.
    """

    jobs: JobStore
    artifacts: ArtifactStore
    inbox: Inbox
    text: TextGenerator
    images: ImageGenerator
    video: VideoGenerator
    pictures: PictureCleaner
    uploads: PictureUploads
    web: Web
    queue: ClipQueue
    executions: Executions
    deliveries: DeliveryQueue
    secrets: SigningSecrets
    webhooks: WebhookSender
    identity: Identity
    operators: Operators
    clock: Clock
    ids: Ids
    pace: float
    keep: timedelta
    protocols: frozenset[VideoProtocol]
    limits: Limits
    veo_quota_per_minute: int

    @property
    def ledger(self) -> Ledger:
        """The ledger over `jobs`."""
        return Ledger(self.jobs, self.clock, self.ids, self.pace)

    def limited_to(self, names: Iterable[str]) -> "Services":
        """The same services, of which every use of one that is not in ``names`` raises `UndeclaredService`."""
        allowed = {*_NEEDS_NO_PERMISSION, *names}
        given: dict[str, Any] = {
            one.name: getattr(self, one.name) if one.name in allowed else _Withheld(one.name)
            for one in fields(Services)
        }
        return Services(**given)


_NEEDS_NO_PERMISSION = (
    "clock",
    "ids",
    "pictures",
    "web",
    "webhooks",
    "pace",
    "keep",
    "protocols",
    "limits",
    "veo_quota_per_minute",
)


class UndeclaredService(Exception):
    """A step used a service that its row in functions/main.py does not name."""


@dataclass(frozen=True, slots=True)
class _Withheld:
    """Takes the place of a service that a step has not declared."""

    service: str

    def __getattr__(self, name: str) -> Any:
        raise UndeclaredService(f"{self.service}.{name} is used and not declared in functions/main.py.")
