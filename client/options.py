"""The command line's options, each once: its name and help.

Which values are legal is the server's to say.
"""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Api = Annotated[str, Option("--api", metavar="URL", envvar="PROMPTREEL_API", help="Address of the API.")]
Token = Annotated[str, Option("--token", metavar="JWT", envvar="PROMPTREEL_TOKEN", help="ID token of the caller.")]
AsJson = Annotated[bool, Option("--json", help="Print the API's JSON instead of a picture.")]
JobId = Annotated[str, Argument(metavar="JOB", help="A job's id.", show_default=False)]

Prompt = Annotated[str, Argument(metavar="PROMPT", help="The idea; - reads it from stdin.", show_default=False)]
File = Annotated[
    Path | None, Option("--file", metavar="FILE", help="A text file with the idea, or a request as .json or .yaml.")
]
Title = Annotated[str | None, Option("--title", help="The film's title.")]
Duration = Annotated[float | None, Option("--duration", metavar="SECONDS", help="Length of the film.")]
Scenes = Annotated[int | None, Option("--scenes", metavar="N", help="How many scenes.")]
Aspect = Annotated[str | None, Option("--aspect", metavar="16:9|9:16", help="Shape of the picture.")]
Resolution = Annotated[str | None, Option("--resolution", metavar="720p|1080p|4k", help="Size of the picture.")]
Quality = Annotated[str | None, Option("--quality", metavar="draft|standard|best", help="Which models to use.")]
Style = Annotated[str | None, Option("--style", metavar="NAME", help="A director's style.")]
Budget = Annotated[float | None, Option("--budget", metavar="USD", help="Never spend more than this.")]
Seed = Annotated[int | None, Option("--seed", metavar="N", help="The same seed asks for the same pictures.")]
Transition = Annotated[
    str | None, Option("--transition", metavar="cut|crossfade|fade_black", help="Between neighbouring scenes.")
]
TransitionLength = Annotated[
    float | None, Option("--transition-duration", metavar="SECONDS", help="How long it takes.")
]
ClipAudio = Annotated[bool | None, Option("--clip-audio/--no-clip-audio", help="Keep the sound of the clips.")]
TextModel = Annotated[str | None, Option("--text-model", metavar="ID", help="Writes the storyboard.")]
ImageModel = Annotated[str | None, Option("--image-model", metavar="ID", help="Draws the keyframes.")]
VideoModel = Annotated[str | None, Option("--video-model", metavar="ID", help="Films the clips.")]
Continuity = Annotated[str | None, Option("--continuity", metavar="chain|sheet", help="How scenes keep their look.")]
Approval = Annotated[
    str | None, Option("--approval", metavar="none|storyboard|animatic", help="Stop there and wait for a yes.")
]
OnSceneFailure = Annotated[
    str | None, Option("--on-scene-failure", metavar="still|omit|fail", help="When a scene cannot be filmed.")
]
Priority = Annotated[str | None, Option("--priority", metavar="standard|high", help="Which queue the clips wait in.")]
IdempotencyKey = Annotated[
    str, Option("--idempotency-key", metavar="KEY", help="The same key again is the same job, never a second one.")
]
Watch = Annotated[bool, Option("--watch", help="Stay and watch until the film is there.")]

State = Annotated[str | None, Option("--state", metavar="STATE", help="Only jobs in this state.")]
Owner = Annotated[
    str | None, Option("--owner", metavar="EMAIL", help="For operators: jobs of this owner, or of 'operators'.")
]
Everybody = Annotated[bool, Option("--all", help="For operators: the jobs of everybody.")]
PageToken = Annotated[
    str | None, Option("--page", metavar="TOKEN", help="The page named at the end of the one before.")
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
    str | None, Option("--since", metavar="TIME", help="The export is complete from here on; else from its first line.")
]
Until = Annotated[
    str | None, Option("--until", metavar="TIME", help="The export is complete up to here; else to its last line.")
]
Apply = Annotated[bool, Option("--apply", help="Stop counting lost calls that were never billed.")]
Yes = Annotated[bool, Option("--yes", "-y", help="Do not ask.")]
Directory = Annotated[Path, Argument(metavar="DIR", help="Where to put the files.")]
