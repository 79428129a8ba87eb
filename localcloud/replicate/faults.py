"""The faults of this stand-in: Vertex's engine (rules, counts, seeded chances) with other names.

Deciding lives there and here; misbehaving lives where the call is served.
"""

from collections.abc import Mapping

from localcloud.vertex import faults

CREATE, READ, DOWNLOAD, WEBHOOK = "create", "read", "download", "webhook"
_EVERY = frozenset({CREATE, READ})
_CREATED = frozenset({CREATE})

APPLIES: Mapping[str, frozenset[str]] = {
    "status": _EVERY | {DOWNLOAD},  # refused with args.code, .title and .detail; nothing accepted
    "reset_before": _EVERY | {DOWNLOAD},  # connection reset, nothing accepted
    "reset_after": _EVERY,  # accepted, then the connection is reset
    "hang": _EVERY | {DOWNLOAD},  # accepted, answered only after args.s seconds
    "cold_start": _CREATED,  # args.s seconds more in state starting
    "late_output": _CREATED,  # args.s seconds more in state processing
    "never_done": _CREATED,  # stays in state processing
    "rai": _CREATED,  # fails with a safety message; args.error
    "failed": _CREATED,  # fails with args.error
    "output_missing": _CREATED,  # succeeds, and is paid, without an output
    "output_expired": frozenset({DOWNLOAD}),  # the file is deleted before its hour is over
    "webhook_dropped": frozenset({WEBHOOK}),  # method is the event: start, logs, output, completed
    "webhook_duplicated": frozenset({WEBHOOK}),
    # Flaws that show in the clip, as the stand-in of Vertex renders them.
    "black_clip": _CREATED,
    "frozen_clip": _CREATED,
    "short_clip": _CREATED,
    "wrong_size": _CREATED,
    "no_audio": _CREATED,
    "ignored_last_frame": _CREATED,
}
FLAWS = ("black_clip", "frozen_clip", "short_clip", "no_audio", "ignored_last_frame")


class Faults(faults.Faults):
    """The rules in force and what they have done."""

    applies = APPLIES
