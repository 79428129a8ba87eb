"""`python -m examples.demo_picture`: make docs/pictures/demo.svg, what a terminal shows when `make demo` is done."""

import io
import re
import sys
from datetime import UTC, datetime
from uuid import uuid4

from rich.console import Console

from client.api import connect
from client.views import job_view, ledger_view
from client.watching import follow
from examples.demo import POLL_EVERY_S, PROMPT_FILE, ROOT
from examples.demo_stack import LocalStack

PICTURE = ROOT / "docs" / "pictures" / "demo.svg"
WIDTH = 100  # characters
WEB_FONT = re.compile(r" *@font-face \{.*?\}\n", re.DOTALL)  # left out: the picture must fetch nothing from elsewhere


def main() -> int:
    """Film the demo's idea on a local stack and draw the finished job and its ledger."""
    screen = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    with LocalStack(Console()) as stack, connect(stack.api, stack.token) as client:
        submitted = client.submit({"prompt": PROMPT_FILE.read_text(encoding="utf-8")}, str(uuid4()))
        *_, job = follow(client, submitted["id"], every_s=POLL_EVERY_S)
        screen.print("$ make demo", style="bold")
        screen.print(job_view(job, datetime.now(UTC)))
        screen.print()
        screen.print(ledger_view(client.ledger(job["id"])))
    svg = screen.export_svg(title="promptreel", unique_id="demo")
    PICTURE.write_text(WEB_FONT.sub("", svg), encoding="utf-8")
    return 0 if job["state"] == "COMPLETE" else 1


if __name__ == "__main__":
    sys.exit(main())
