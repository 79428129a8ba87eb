"""Predictions and models as the API shows them.

Source: https://api.replicate.com/openapi.json, copy of 2026-03. A prediction shows neither its webhook nor a key of its
caller: an entry of the list is found again by `created_at` and `input`, while its data has not been removed.
"""

from typing import Any

from localcloud.replicate.registry import PredictionModel
from localcloud.replicate.schema import openapi
from localcloud.replicate.site import iso
from localcloud.replicate.store import Prediction


def show_prediction(prediction: Prediction, base_url: str) -> dict[str, Any]:
    url = f"{base_url}/v1/predictions/{prediction.id}"
    shown: dict[str, Any] = {
        "id": prediction.id,
        "model": prediction.model,
        "version": "hidden",  # as for all official models
        "input": {} if prediction.data_removed else prediction.input,
        "logs": "" if prediction.data_removed else prediction.logs,
        "output": None if prediction.data_removed else prediction.output_url,
        "data_removed": prediction.data_removed,
        "error": prediction.error,
        "source": "api",
        "status": prediction.status,
        "created_at": iso(prediction.created_s),
        "urls": {"web": f"https://replicate.com/p/{prediction.id}", "get": url, "cancel": f"{url}/cancel"},
    }
    if prediction.deadline_s is not None:
        shown["deadline"] = iso(prediction.deadline_s)
    if prediction.started_s is not None:
        shown["started_at"] = iso(prediction.started_s)
    if prediction.completed_s is not None:
        shown |= {"completed_at": iso(prediction.completed_s), "metrics": _metrics(prediction)}
    return shown


def _metrics(prediction: Prediction) -> dict[str, float]:
    completed_s = prediction.completed_s or prediction.created_s
    metrics = {"total_time": round(completed_s - prediction.created_s, 6)}
    if prediction.started_s is not None:
        metrics["predict_time"] = round(completed_s - prediction.started_s, 6)
    if prediction.status == "succeeded":
        metrics["video_output_duration_seconds"] = float(prediction.seconds)
    return metrics


def show_model(model: PredictionModel) -> dict[str, Any]:
    owner, name = model.id.split("/")
    return {
        "url": f"https://replicate.com/{model.id}",
        "owner": owner,
        "name": name,
        "description": "",
        "visibility": "public",
        "is_official": True,
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": 0,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": {
            "id": model.version,
            "created_at": "2026-01-01T00:00:00.000000Z",
            "cog_version": "0.16.8",
            "openapi_schema": openapi(model),
        },
    }
