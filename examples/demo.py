"""`make demo`: a finished film on your own machine, and proof that it is right.

Everything of promptreel runs here: the workflow, the functions, the stitcher. Only Google's services are stand-ins, so
the pictures are drawn by rules and cost nothing; the money in the ledger is what the real ones would have charged.

    python examples/demo.py                      films examples/lighthouse.txt
    DEMO_PROMPT="…" python examples/demo.py      films your own idea

What is made lands in out/demo/, which is emptied first: whatever stands there afterwards was made by this run.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.text import Text

from client.api import PromptreelClient, connect
from client.cli import print_error
from client.documents import Job, Ledger
from client.errors import ClientError
from client.tables import ledger_view
from client.text import dollars, film_time, plain
from client.watching import follow, show
from examples.demo_film import FEWEST_SCENES, Film, faults, measure, paid_calls
from examples.demo_sheet import Row, contact_sheet
from examples.demo_stack import LocalStack, StackFailed

ROOT = Path(__file__).parents[1]
OUT = ROOT / "out" / "demo"
IDEA = ROOT / "examples" / "lighthouse.txt"
LOOK_EVERY_S = 0.25  # the stand-ins are quick: a stage may last less than a second


class DemoFailed(Exception):
    """The film is not there, or not right; the message says what is wrong."""


@dataclass(slots=True)
class Stages:
    """Seconds the job stood in each state, as seen from outside; exact to the time between two looks."""

    seconds: dict[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def watched(self, jobs: Iterable[Job]) -> Iterator[Job]:
        state, since = "PENDING", self.clock()
        for job in jobs:
            now = self.clock()
            self.seconds[state] = self.seconds.get(state, 0.0) + now - since
            state, since = job["state"], now
            yield job

    @property
    def makespan_s(self) -> float:
        """From the submission to the look that found the job ended."""
        return sum(self.seconds.values())


def main() -> int:
    console = Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # leave by the same door as Ctrl-C
    try:
        with LocalStack(console) as stack, connect(stack.api, stack.token) as client:
            make_film(client, os.environ.get("DEMO_PROMPT", ""), console)
    except (StackFailed, DemoFailed) as failure:
        console.print(Text(f"The demo failed: {failure}", style="bold red"), soft_wrap=True)
        return 1
    except ClientError as error:
        print_error(error)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped, and nothing is left running.")
        return 128 + signal.SIGINT
    return 0


def make_film(client: PromptreelClient, own_idea: str, console: Console) -> None:
    """Idea in, film, pictures, bill and report out. Raises: DemoFailed with what is not right."""
    shutil.rmtree(OUT, ignore_errors=True)
    stages = Stages()
    submitted = client.submit({"prompt": own_idea or IDEA.read_text(encoding="utf-8")}, str(uuid4()))
    job = show(stages.watched(follow(client, submitted["id"], every_s=LOOK_EVERY_S)), console)
    if job["state"] != "COMPLETE":
        raise DemoFailed(f"the job ended {job['state']}.")

    film_path, *_ = client.download_output(job["id"], OUT)
    draw_keyframes(client, job)
    ledger = client.ledger(job["id"])
    console.print(ledger_view(ledger))

    film = measure(film_path)
    write_report(job, ledger, film, stages)
    # A person's own idea may ask for one scene; ours asks for four.
    wrong = faults(film, job, ledger, fewest_scenes=1 if own_idea else FEWEST_SCENES)
    if wrong:
        raise DemoFailed(" ".join(wrong))
    console.print(
        Text.assemble(
            (f"\n{OUT.relative_to(ROOT)}/film.mp4", "bold green"),
            f"  {film_time(film.duration_s)}, {film.width_px}x{film.height_px}, {len(job['scenes'])} scenes, "
            f"{paid_calls(ledger)} paid calls, {dollars(job['budget']['spent_usd'])} at list price, "
            f"made in {stages.makespan_s:.0f} s",
        ),
        soft_wrap=True,
    )


def draw_keyframes(client: PromptreelClient, job: Job) -> None:
    """``keyframes.jpg``: what the scenes were filmed from."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            Row(
                label=f"{scene['display_order']}  {plain(scene['description'])}",
                pictures=tuple(
                    client.download(frame["url"], Path(folder, f"{scene['id']}-{name}.png"))
                    for name, frame in (("start", scene["keyframes"]["start"]), ("end", scene["keyframes"]["end"]))
                    if frame is not None
                ),
            )
            for scene in sorted(job["scenes"], key=lambda each: each["display_order"])
        ]
        contact_sheet(rows, OUT / "keyframes.jpg")


def write_report(job: Job, ledger: Ledger, film: Film, stages: Stages) -> None:
    """``report.json``: measured from the file and from outside, right or not."""
    report = {
        "job_id": job["id"],
        "state": job["state"],
        "film": str((OUT / "film.mp4").relative_to(ROOT)),
        "duration_s": round(film.duration_s, 3),
        "scenes": len(job["scenes"]),
        "width": film.width_px,
        "height": film.height_px,
        "spent_usd": job["budget"]["spent_usd"],
        "paid_calls": paid_calls(ledger),
        "makespan_s": round(stages.makespan_s, 2),
        "stages": {name: round(seconds, 2) for name, seconds in stages.seconds.items()},
    }
    (OUT / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
