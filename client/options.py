"""The command line's options, each defined once: its name and help. The server decides which values are legal."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option


def _print_version(requested: bool) -> None:
    if requested:
        print(f"promptreel {version('promptreel')}")
        raise Exit


Version = Annotated[bool, Option("--version", help="Print the version.", callback=_print_version, is_eager=True)]

Api = Annotated[str, Option("--api", metavar="URL", envvar="PROMPTREEL_API", help="Address of the API.")]
Token = Annotated[str, Option("--token", metavar="JWT", envvar="PROMPTREEL_TOKEN", help="ID token of the caller.")]
AsJson = Annotated[bool, Option("--json", help="Print the API's JSON instead of a table.")]
JobId = Annotated[str, Argument(metavar="JOB", help="A job's id.", show_default=False)]

Prompt = Annotated[
    str, Argument(metavar="PROMPT", help="The idea for the film; - reads it from stdin.", show_default=False)
]
File = Annotated[
    Path | None, Option("--file", metavar="FILE", help="A text file with the idea, or a request as .json or .yaml.")
]
Title = Annotated[str | None, Option("--title", help="The film's title.")]
Duration = Annotated[float | None, Option("--duration", metavar="SECONDS", help="Length of the film.")]
Scenes = Annotated[int | None, Option("--scenes", metavar="N", help="How many scenes.")]
Aspect = Annotated[str | None, Option("--aspect", metavar="16:9|9:16", help="Aspect ratio of the film.")]
Resolution = Annotated[str | None, Option("--resolution", metavar="720p|1080p|4k", help="Resolution of the film.")]
Quality = Annotated[str | None, Option("--quality", metavar="draft|standard|best", help="Which models to use.")]
Style = Annotated[str | None, Option("--style", metavar="NAME", help="A director's style.")]
Budget = Annotated[float | None, Option("--budget", metavar="USD", help="Hard limit of what the job may spend.")]
Seed = Annotated[int | None, Option("--seed", metavar="N", help="Seed of the image and video models.")]
Transition = Annotated[
    str | None, Option("--transition", metavar="cut|crossfade|fade_black", help="Transition between scenes.")
]
TransitionLength = Annotated[
    float | None, Option("--transition-duration", metavar="SECONDS", help="Length of a transition.")
]
ClipAudio = Annotated[bool | None, Option("--clip-audio/--no-clip-audio", help="Keep the sound of the clips.")]
TextModel = Annotated[str | None, Option("--text-model", metavar="ID", help="Model that writes the storyboard.")]
ImageModel = Annotated[str | None, Option("--image-model", metavar="ID", help="Model that draws the keyframes.")]
VideoModel = Annotated[str | None, Option("--video-model", metavar="ID", help="Model that films the clips.")]
Continuity = Annotated[str | None, Option("--continuity", metavar="chain|sheet", help="How scenes keep the same look.")]
Approval = Annotated[
    str | None,
    Option("--approval", metavar="none|storyboard|animatic", help="Stop after this stage and wait for approval."),
]
OnSceneFailure = Annotated[
    str | None,
    Option("--on-scene-failure", metavar="still|omit|fail", help="What replaces a scene that cannot be filmed."),
]
Priority = Annotated[str | None, Option("--priority", metavar="standard|high", help="Queue of the clips.")]
IdempotencyKey = Annotated[
    str, Option("--idempotency-key", metavar="KEY", help="Repeat a request with the same key to get the same job.")
]
Watch = Annotated[bool, Option("--watch", help="Watch until the job ends.")]

State = Annotated[str | None, Option("--state", metavar="STATE", help="Only jobs in this state.")]
Owner = Annotated[
    str | None, Option("--owner", metavar="EMAIL", help="For operators: jobs of this owner, or of 'operators'.")
]
EveryOwner = Annotated[bool, Option("--all", help="For operators: the jobs of all owners.")]
PageToken = Annotated[
    str | None, Option("--page", metavar="TOKEN", help="Token printed at the end of the previous page.")
]
Jobs = Annotated[list[str], Argument(metavar="JOB...", help="Ids of jobs.", show_default=False)]
BillFile = Annotated[
    Path,
    Option(
        "--bill",
        metavar="FILE",
        help="Billing export as CSV: at, model, micros (or usd), storage_uri, operation.",
        show_default=False,
    ),
]
Since = Annotated[
    str | None,
    Option("--since", metavar="TIME", help="Start of the period that the export covers; default: its first line."),
]
Until = Annotated[
    str | None,
    Option("--until", metavar="TIME", help="End of the period that the export covers; default: its last line."),
]
Apply = Annotated[bool, Option("--apply", help="Stop counting lost calls that were never billed.")]
Yes = Annotated[bool, Option("--yes", "-y", help="Delete without asking.")]
Directory = Annotated[Path, Argument(metavar="DIR", help="Where to save the files.")]
