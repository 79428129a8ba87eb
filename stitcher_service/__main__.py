"""``python -m stitcher_service CUTLIST.json OUT.mp4``: a film from local files.

Exit codes: 0 done (the last line on stdout is the report), 1 the film could not be made, 2 something you gave is wrong.
"""

import argparse
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stitcher_service.engine.cutlist import read_cut_list
from stitcher_service.engine.errors import BadInput, StitchError
from stitcher_service.engine.project import prepare_project
from stitcher_service.engine.render_plan import RenderPlan, Segment
from stitcher_service.engine.stitch import stitch
from stitcher_service.engine.workfolder import check_output


def main(argv: list[str]) -> int:
    """Run the command line; the exit code is returned."""
    parser = argparse.ArgumentParser(prog="python -m stitcher_service", description=__doc__)
    parser.add_argument("cut_list", type=Path, metavar="CUTLIST.json")
    parser.add_argument("out", type=Path, metavar="OUT.mp4", nargs="?")
    parser.add_argument("--plan", action="store_true", help="print what would be copied and encoded, and why")
    arguments = parser.parse_args(argv)
    if not arguments.plan and not arguments.out:
        parser.error("OUT.mp4 is missing")
    # To exit in the usual way is to end children and remove folders.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        cut_list = read_cut_list(arguments.cut_list)
        base = arguments.cut_list.absolute().parent
        if arguments.plan:
            print(json.dumps(_describe_plan(prepare_project(cut_list, base).plan), indent=2))
        else:
            out = arguments.out.absolute()
            check_output(out, [(arguments.cut_list.name, arguments.cut_list)])
            print(stitch(cut_list, base, out).to_json())
    except StitchError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, BadInput) else 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _describe_plan(plan: RenderPlan) -> dict[str, Any]:
    segments = [{"kind": part.kind, "frames": part.frames, **_describe_segment(part)} for part in plan.segments]
    totals = {"frames": plan.frames, "copied_frames": plan.copied_frames, "encoded_frames": plan.encoded_frames}
    why = f"{plan.copied_frames} of {plan.frames} frames can be copied"
    return {"why": why, **totals, "segments": segments}


def _describe_segment(segment: Segment) -> dict[str, Any]:
    described = asdict(segment)
    for take in described.get("takes", ()):
        if not take["grade"]:
            del take["grade"]
    return described


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
