"""The schemas of the providers: Google's from google-schema.json, the others' written by hand."""

import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from tools.terraform.wire import field

Block = dict[str, Any]

_NESTING = {"single": 1, "list": 2, "set": 3}

_ARCHIVE_FILE: Block = {
    "attributes": {
        "type": {"type": "string", "required": True, "enum": ["zip", "tar.gz"]},
        "source_dir": {"type": "string", "optional": True},
        "output_path": {"type": "string", "required": True},
        "output_file_mode": {"type": "string", "optional": True},
        "excludes": {"type": ["set", "string"], "optional": True},
        "exclude_symlink_directories": {"type": "bool", "optional": True},
        "id": {"type": "string", "computed": True},
        "output_sha256": {"type": "string", "computed": True},
        "output_size": {"type": "number", "computed": True},
    },
    "block_types": {},
}

_TIME_SLEEP: Block = {
    "attributes": {
        "create_duration": {"type": "string", "optional": True},
        "destroy_duration": {"type": "string", "optional": True},
        "triggers": {"type": ["map", "string"], "optional": True},
        "id": {"type": "string", "computed": True},
    },
    "block_types": {},
}


@dataclass(frozen=True)
class ProviderSchema:
    provider: Block
    resources: dict[str, Block]
    data_sources: dict[str, Block]

    @cached_property
    def message(self) -> bytes:
        """The response of GetSchema."""
        message = field(1, _schema(self.provider))
        for number, kinds in ((2, self.resources), (3, self.data_sources)):
            for name, block in kinds.items():
                message += field(number, field(1, name) + field(2, _schema(block)))
        return message


@cache
def google() -> ProviderSchema:
    """The schema of Google's provider; the file names its version."""
    document = json.loads(Path(__file__).with_name("google-schema.json").read_text(encoding="utf-8"))
    return ProviderSchema(document["provider"], document["resources"], document["data_sources"])


@cache
def archive() -> ProviderSchema:
    return ProviderSchema({"attributes": {}, "block_types": {}}, {}, {"archive_file": _ARCHIVE_FILE})


@cache
def time() -> ProviderSchema:
    return ProviderSchema({"attributes": {}, "block_types": {}}, {"time_sleep": _TIME_SLEEP}, {})


def _schema(block: Block) -> bytes:
    return field(1, 0) + field(2, _block(block))


def _block(block: Block) -> bytes:
    message = b""
    for name, attribute in block["attributes"].items():
        flags = {4: "required", 5: "optional", 6: "computed"}
        message += field(
            2,
            field(1, name)
            + field(2, json.dumps(attribute["type"]))
            + b"".join(field(number, 1) for number, flag in flags.items() if attribute.get(flag)),
        )
    for name, nested in block["block_types"].items():
        message += field(
            3,
            field(1, name)
            + field(2, _block(nested["block"]))
            + field(3, _NESTING[nested["nesting_mode"]])
            + field(4, nested.get("min_items", 0))
            + field(5, nested.get("max_items", 0)),
        )
    return message
