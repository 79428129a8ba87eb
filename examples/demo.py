"""`make demo`: make a film on your own machine, and check it. It stops at the storyboard, shows it and approves it.

The real workflow, functions and stitcher run here. Google's services are stand-ins: images and clips are drawn by rules
and cost nothing, and the ledger contains what the real services would charge.

    python examples/demo.py                      makes a film of examples/lighthouse.txt
    DEMO_PROMPT="…" python examples/demo.py      makes a film of your own idea
    DEMO_DATE=2027-05-05 python examples/demo.py makes it on a later day, with the models and prices of that day

The results are in out/demo/, which is emptied first.
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
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.text import Text

from client.api import PromptreelClient, connect
from client.cli import print_error
from client.documents import WAITING, Job, Ledger
from client.errors import ClientError
from client.views import check_entries, dollars, ledger_view, plain, plan_lines
from client.watching import follow, show
from examples.demo_film import FEWEST_SCENES, Film, faults, measure, paid_calls
from examples.demo_sheet import Row, contact_sheet
from examples.demo_stack import UP, LocalStack, StackFailed

ROOT = Path(__file__).parents[1]
OUT = ROOT / "out" / "demo"
PROMPT_FILE = ROOT / "examples" / "lighthouse.txt"
POLL_EVERY_S = 0.25  # the stand-ins are fast: a stage may last less than a second


class DemoFailed(Exception):
    """There is no film, or it is wrong; the message says what is wrong."""


@dataclass(slots=True)
class Stages:
    """Seconds that the job spent in each state, seen from outside: exact to the time between two polls."""

    seconds: dict[str, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.monotonic

    def measure(self, jobs: Iterable[Job]) -> Iterator[Job]:
        """Yield the jobs, and add up the time between them."""
        state, since = "PENDING", self.clock()
        for job in jobs:
            now = self.clock()
            self.seconds[state] = self.seconds.get(state, 0.0) + now - since
            state, since = job["state"], now
            yield job

    @property
    def makespan_s(self) -> float:
        """Seconds from the submission to the poll that found the job ended."""
        return sum(self.seconds.values())


def main() -> int:
    """Run the demo and return its exit code."""
    console, day = Console(), os.environ.get("DEMO_DATE", "")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # as Ctrl-C: the stack is stopped
    try:
        with LocalStack(console, (*UP, *(("--date", day) if day else ()))) as stack:
            ahead = date.fromisoformat(day) - datetime.now(UTC).date() if day else timedelta()
            with connect(stack.api, stack.token) as client:
                make_film(client, os.environ.get("DEMO_PROMPT", ""), console, ahead)
    except (StackFailed, DemoFailed) as failure:
        console.print(Text(f"The demo failed: {failure}", style="bold red"), soft_wrap=True)
        return 1
    except ClientError as error:
        print_error(error)
        return 1
    except KeyboardInterrupt:
        console.print("Stopped. No process is left.")
        return 128 + signal.SIGINT
    return 0


def make_film(client: PromptreelClient, own_prompt: str, console: Console, ahead: timedelta) -> None:
    """Make a film of a prompt, with its keyframes, ledger and report; the stack's clock is ``ahead`` of ours.

    Raises: DemoFailed with what is wrong.
    """
    shutil.rmtree(OUT, ignore_errors=True)
    stages = Stages()
    prompt = own_prompt or PROMPT_FILE.read_text(encoding="utf-8")
    job_id = client.submit({"prompt": prompt, "approval": "storyboard"}, str(uuid4()))["id"]

    def watch() -> Job:
        followed = stages.measure(follow(client, job_id, every_s=POLL_EVERY_S))
        return show(followed, console, lambda: datetime.now(UTC) + ahead)

    job = watch()
    if job["state"] == WAITING:
        approve_storyboard(client, job, console)
        job = watch()
    if job["state"] != "COMPLETE":
        raise DemoFailed(f"the job ended {job['state']}.")

    film_path, *_ = client.download_output(job["id"], OUT)
    draw_keyframes(client, job)
    ledger = client.ledger(job["id"])
    console.print(*plan_lines(job), sep="\n", soft_wrap=True)
    for name, words in check_entries(job):
        console.print(Text.assemble((f"{name:<9}", "bold"), words), soft_wrap=True)
    console.print(ledger_view(ledger))

    film = measure(film_path)
    write_report(job, ledger, film, stages)
    # Your own prompt may be about one scene; the example has four.
    wrong = faults(film, job, ledger, fewest_scenes=1 if own_prompt else FEWEST_SCENES)
    if wrong:
        raise DemoFailed(" ".join(wrong))
    console.print(
        Text.assemble(
            (f"\n{OUT.relative_to(ROOT)}/film.mp4", "bold green"),
            f"  {film.duration_s:g} s, {film.width_px}x{film.height_px}, {len(job['scenes'])} scenes, "
            f"{paid_calls(ledger)} paid calls, {dollars(job['budget']['spent_usd'])} at list price, "
            f"made in {stages.makespan_s:.0f} s",
        ),
        soft_wrap=True,
    )


def approve_storyboard(client: PromptreelClient, job: Job, console: Console) -> None:
    """Approve the storyboard that was just shown, as a person would who likes it."""
    gate = job.get("gate")
    if gate is None:
        raise DemoFailed("the job waits at no gate.")
    spent = dollars(job["budget"]["spent_usd"])
    words = f"\nOnly the storyboard is paid, {spent}. The demo approves it: promptreel approve {job['id']}\n"
    console.print(Text(words, style="bold yellow"), soft_wrap=True)
    client.approve(job["id"], {"gate": gate["stage"], "revision": gate.get("revision", 1)})


def draw_keyframes(client: PromptreelClient, job: Job) -> None:
    """Write ``keyframes.jpg``: the keyframes of all scenes."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            Row(
                label=f"{scene['display_order']}  {plain(scene['description'])}",
                images=tuple(
                    client.download(frame["url"], Path(folder, f"{scene['id']}-{name}.png"))
                    for name, frame in (("start", scene["keyframes"]["start"]), ("end", scene["keyframes"]["end"]))
                    if frame is not None
                ),
            )
            for scene in sorted(job["scenes"], key=lambda each: each["display_order"])
        ]
        contact_sheet(rows, OUT / "keyframes.jpg")


def write_report(job: Job, ledger: Ledger, film: Film, stages: Stages) -> None:
    """Write ``report.json`` with what was measured, also for a wrong film."""
    report = {
        "job_id": job["id"],
        "state": job["state"],
        "film": str((OUT / "film.mp4").relative_to(ROOT)),
        "duration_s": round(film.duration_s, 3),
        "scenes": len(job["scenes"]),
        "models": {model["kind"]: model["id"] for model in job["models"]},
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
