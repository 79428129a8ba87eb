"""A rules runtime without rules: lets firebase-tools' Storage emulator start where its own cannot be downloaded.

The emulator loads its rules file into a separate program and sends it every call of Firebase's browser clients.
Server clients, the only ones of this project, bypass rules, so no call is ever checked; if one were, it would be
refused. Run as a script of its own, with nothing but the standard library. One JSON object a line, in and out, as
firebase-tools 15 speaks it (lib/emulator/storage/rules/runtime.js, read 2026-11).
"""

import json
import sys
from collections.abc import Iterable
from typing import IO, Any

_READY = -1  # the id of the message which says that the runtime is ready


def answer(request: dict[str, Any]) -> dict[str, Any]:
    result = {"rulesVersion": 2} if request.get("action") == "load_ruleset" else {"permit": False}
    return {"id": request["id"], "status": "ok", "errors": [], "warnings": [], "result": result}


def main(requests: Iterable[str], answers: IO[str]) -> None:
    _send(answers, {"id": _READY, "status": "ok"})
    for line in requests:
        _send(answers, answer(json.loads(line)))


def _send(answers: IO[str], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.stdin, sys.stdout)
