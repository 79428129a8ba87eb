"""Output files: where a rendered clip lies, the URL that leads to it, and its removal after an hour.

With the file go the inputs, the output and the logs of its prediction; what it was, when and how it ended stays.
Source: https://replicate.com/docs/topics/predictions/data-retention, read 2026-11. The hour is taken to begin when the
prediction ends.
"""

from dataclasses import replace
from pathlib import Path

from starlette.responses import FileResponse, PlainTextResponse, Response

from localcloud.replicate.site import Site
from localcloud.replicate.store import Prediction, new_id

PATH = "/_delivery"
_RETENTION_S = 3600.0


class Outputs:
    def __init__(self, site: Site) -> None:
        self._site = site

    def file(self, prediction: Prediction) -> Path:
        """Where the clip of a prediction is rendered to."""
        return self._site.store.clips / f"{prediction.id}.mp4"

    def new_url(self, prediction: Prediction) -> str:
        return f"{self._site.base_url}{PATH}/{new_id()}/{prediction.id}/output.mp4"

    def expires_s(self, completed_s: float) -> float:
        return completed_s + _RETENTION_S * self._site.profile.time_scale

    def remove_expired(self) -> None:
        """Remove the data of predictions whose hour is over."""
        for prediction in self._site.store.expired(self._site.now()):
            self.file(prediction).unlink(missing_ok=True)
            removed = replace(prediction, input={}, output_url=None, logs="", data_removed=True)
            self._site.store.update(removed)

    def answer(self, url: str, prediction_id: str) -> Response:
        """The file behind a URL that was handed out, or 404."""
        prediction = self._site.store.prediction(prediction_id)
        if prediction is None or prediction.output_url != url:
            return PlainTextResponse("not found", 404)
        return FileResponse(self.file(prediction), media_type="video/mp4")
