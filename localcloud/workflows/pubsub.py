"""``triggerPubsubExecution``: a Pub/Sub push message as the CloudEvent that a workflow gets for its argument.

Eventarc carries every event over Pub/Sub. A message with ``ce-`` attributes is such an event in binary form; one
without them is itself the event.
"""

import base64
import binascii
import json
from typing import Any

from localcloud.serving import ApiError
from localcloud.workflows.resources import Resource

_PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"


def cloud_event(request: Resource, now: str) -> Resource:
    """Raises: ApiError 400 for a request without a message."""
    message = request.get("message")
    subscription = request.get("subscription", "")
    if not isinstance(message, dict):
        raise ApiError(400, "the message of the Pub/Sub push notification is missing")
    if not isinstance(subscription, str) or not subscription.startswith("projects/"):
        raise ApiError(400, "subscription must be projects/PROJECT/subscriptions/SUBSCRIPTION")
    attributes = message.get("attributes") or {}
    if "ce-type" in attributes:
        event = {name.removeprefix("ce-"): value for name, value in attributes.items() if name.startswith("ce-")}
        content_type = attributes.get("Content-Type", attributes.get("content-type", "application/json"))
        return {**event, "datacontenttype": content_type, "data": _decoded(message.get("data", ""), content_type)}
    return {
        "id": message.get("messageId", ""),
        "source": f"//pubsub.googleapis.com/{subscription}",
        "specversion": "1.0",
        "type": _PUBLISHED,
        "datacontenttype": "application/json",
        "time": message.get("publishTime", now),
        "data": {"message": message, "subscription": subscription},
    }


def _decoded(data: str, content_type: str) -> Any:
    try:
        content = base64.b64decode(data, validate=True)
        return json.loads(content) if "json" in content_type and content else content.decode()
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, f"the message's data is not base64 of {content_type}") from error
