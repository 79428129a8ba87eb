"""The one place where promptreel is put together from its adapters.

Building them is cheap: an adapter makes its client, and imports Google's library, on first use.
"""

import os
from datetime import timedelta
from functools import cache

from promptreel.adapters.firestore import FirestoreJobs
from promptreel.adapters.gcs import GcsArtifacts, GcsInbox, GcsUploads
from promptreel.adapters.gemini import Gemini
from promptreel.adapters.identity import IdentityAwareProxy, InvokerCheck
from promptreel.adapters.omni import Omni
from promptreel.adapters.operators import ListedOperators
from promptreel.adapters.pictures import PillowPictures
from promptreel.adapters.replicate import Replicate
from promptreel.adapters.secrets import SecretManagerSecrets
from promptreel.adapters.signer import RemoteSigner
from promptreel.adapters.system import SystemClock, SystemIds
from promptreel.adapters.tasks import CloudTasksQueue
from promptreel.adapters.veo import Veo
from promptreel.adapters.video import VideoBackend, VideoBackends
from promptreel.adapters.web import PublicWeb
from promptreel.adapters.webhooks import QUEUE, CloudTasksDeliveries, StandardWebhooks
from promptreel.adapters.workflows import WorkflowExecutions
from promptreel.domain.active_jobs import Limits
from promptreel.domain.models import GLOBAL, VideoProtocol
from promptreel.services import Services
from promptreel.settings import Settings


@cache
def from_environment() -> Services:
    """The services of this process. Raises: Broken for an incomplete environment."""
    return services_from(Settings.from_env(os.environ))


def services_from(settings: Settings) -> Services:
    """The services of a deployment."""
    project, region = settings.project, settings.region
    clock = SystemClock(settings.clock_ahead_s)
    gemini = Gemini(project, settings.text_location, settings.vertex_url)
    signer = RemoteSigner(settings.signer_url)
    artifacts = GcsArtifacts(project, settings.artifacts_bucket, signer, settings.media_url)
    uploads = GcsUploads(project, settings.uploads_bucket, settings.picture_buckets, signer, settings.media_url)
    web = PublicWeb(settings.web_url)
    backends: dict[VideoProtocol, VideoBackend] = {
        "veo": Veo(project, settings.veo_location, settings.vertex_url),
        "interactions": Omni(project, GLOBAL, settings.vertex_url),
    }
    if settings.replicate_token:
        backends["predictions"] = Replicate(settings.replicate_token, settings.replicate_url, artifacts)
    protocols: set[VideoProtocol] = {"veo", "interactions"}
    if settings.replicate:  # known to every function that chooses models; the token is not
        protocols.add("predictions")
    return Services(
        jobs=FirestoreJobs(project, settings.database),
        artifacts=artifacts,
        inbox=GcsInbox(project, settings.prompts_bucket, settings.results_bucket),
        text=gemini,
        images=gemini,
        video=VideoBackends(backends),
        pictures=PillowPictures(),
        uploads=uploads,
        web=web,
        queue=CloudTasksQueue(project, region, settings.tasks_url, settings.submit_clip_url, settings.tasks_account),
        executions=WorkflowExecutions(project, region, settings.workflow, settings.executions_url),
        deliveries=CloudTasksDeliveries(
            f"projects/{project}/locations/{region}/queues/{QUEUE}",
            settings.tasks_url,
            settings.deliver_webhook_url,
            settings.tasks_account,
        ),
        secrets=SecretManagerSecrets(project, region, settings.secrets_url),
        webhooks=StandardWebhooks(web),
        identity=IdentityAwareProxy(settings.iap_audience, clock) if settings.iap_audience else InvokerCheck(),
        operators=ListedOperators(settings.operators, clock),
        clock=clock,
        ids=SystemIds(),
        pace=settings.pace,
        keep=timedelta(days=settings.keep_days),
        protocols=frozenset(protocols),
        limits=Limits(settings.max_active_jobs, settings.requests_per_minute),
        veo_quota_per_minute=settings.veo_quota_per_minute,
    )
