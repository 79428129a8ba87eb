"""The stitcher's composition on Cloud Run, for the web server alone: importing it starts the service.

Before the first request it checks that ffmpeg is usable, and removes the folders that a killed predecessor left.
"""

import os
from functools import cache

from promptreel.adapters.firestore import FirestoreJobs
from promptreel.adapters.gcs import GcsArtifacts
from promptreel.adapters.signer import RemoteSigner
from promptreel.adapters.system import SystemClock, SystemIds
from promptreel.logging import handler
from promptreel.settings import Settings
from stitcher_service.engine.workfolder import remove_stale_folders
from stitcher_service.ffmpeg.run import find_ffmpeg
from stitcher_service.http import create_app
from stitcher_service.jobs.instance import Instance
from stitcher_service.jobs.services import StitcherServices, read_disk_bytes

handler.configure(os.environ.get("PROMPTREEL_PROJECT", ""))

_instance = Instance()


@cache
def _services() -> StitcherServices:
    settings = Settings.from_env(os.environ)
    signer = RemoteSigner(settings.signer_url)
    return StitcherServices(
        jobs=FirestoreJobs(settings.project, settings.database),
        artifacts=GcsArtifacts(settings.project, settings.artifacts_bucket, signer, settings.media_url),
        clock=SystemClock(settings.clock_ahead_s),
        ids=SystemIds(),
        pace=settings.pace,
        instance=_instance,
        disk_bytes=read_disk_bytes(os.environ),
    )


find_ffmpeg()
remove_stale_folders()
_instance.stop_on_sigterm()
app = create_app(_services)
