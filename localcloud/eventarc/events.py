"""Bucket changes as CloudEvents 1.0, in the two spellings Eventarc uses. Pure; no I/O may enter here.

Sources, read 2026-11: Eventarc's "Event format" and "CloudEvents - JSON event format" pages, CloudEvents 1.0's HTTP
binding, StorageObjectData of google-cloudevents, and the object resource of the Cloud Storage JSON API.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

TYPES = {
    "OBJECT_FINALIZE": "google.cloud.storage.object.v1.finalized",
    "OBJECT_DELETE": "google.cloud.storage.object.v1.deleted",
    "OBJECT_ARCHIVE": "google.cloud.storage.object.v1.archived",
    "OBJECT_METADATA_UPDATE": "google.cloud.storage.object.v1.metadataUpdated",
}
FINALIZED = TYPES["OBJECT_FINALIZE"]

# Everything printable in ASCII except what the HTTP binding wants escaped: space, double quote, percent.
_HEADER_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


@dataclass(frozen=True, slots=True)
class CloudEvent:
    id: str
    type: str
    bucket: str
    subject: str
    time: str  # RFC 3339, UTC
    data: Mapping[str, Any]  # the object resource

    @property
    def source(self) -> str:
        return f"//storage.googleapis.com/projects/_/buckets/{self.bucket}"

    def attributes(self) -> dict[str, str]:
        return {
            "bucket": self.bucket,
            "id": self.id,
            "source": self.source,
            "specversion": "1.0",
            "subject": self.subject,
            "time": self.time,
            "type": self.type,
        }


def object_event(event_type: str, resource: Mapping[str, Any]) -> CloudEvent:
    """The event of one change to one object.

    The id follows from the change: the same change noticed twice is the same event.
    """
    data = complete_resource(resource)
    # A generation is written once; only its metadata can change more often.
    version = data["metageneration"] if event_type == TYPES["OBJECT_METADATA_UPDATE"] else ""
    change = "\n".join((event_type, data["bucket"], data["name"], data["generation"], version))
    number = int.from_bytes(hashlib.sha256(change.encode()).digest()[:8]) % 10**16
    return CloudEvent(
        id=f"{number:016d}",  # message ids at Google are long numbers
        type=event_type,
        bucket=data["bucket"],
        subject=f"objects/{data['name']}",
        time=data["updated"],
        data=data,
    )


def complete_resource(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The object resource as Google's events carry it, from what the object store says of the object."""
    bucket, name, generation = (str(resource[key]) for key in ("bucket", "name", "generation"))
    metageneration = str(resource.get("metageneration") or "1")
    created = str(resource.get("timeCreated") or resource.get("updated") or "")
    path = quote(name, safe="")
    known = {key: value for key, value in resource.items() if key != "acl" and value not in ("", None, [], {})}
    return {
        **known,
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{generation}",
        "selfLink": f"https://www.googleapis.com/storage/v1/b/{bucket}/o/{path}",
        "mediaLink": f"https://storage.googleapis.com/download/storage/v1/b/{bucket}/o/{path}"
        f"?generation={generation}&alt=media",
        "generation": generation,
        "metageneration": metageneration,
        "etag": _etag(int(generation), int(metageneration)),
        "timeCreated": created,
        "updated": str(resource.get("updated") or created),
        "timeStorageClassUpdated": str(resource.get("timeStorageClassUpdated") or created),
        "storageClass": str(resource.get("storageClass") or "STANDARD"),
    }


def binary_mode(event: CloudEvent) -> tuple[dict[str, str], bytes]:
    """Headers and body of the binary content mode, for HTTP destinations."""
    headers = {f"ce-{name}": quote(value, safe=_HEADER_SAFE) for name, value in event.attributes().items()}
    return {**headers, "Content-Type": "application/json"}, json.dumps(event.data).encode()


def structured_mode(event: CloudEvent) -> dict[str, Any]:
    """The one JSON object that a workflow gets as its argument."""
    return {**event.attributes(), "datacontenttype": "application/json", "data": dict(event.data)}


def _etag(generation: int, metageneration: int) -> str:
    """Cloud Storage's etag: the two numbers as protobuf fields 1 and 2, in base64."""
    return base64.b64encode(b"\x08" + _varint(generation) + b"\x10" + _varint(metageneration)).decode()


def _varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
