"""The options that make up a film request, declared once for every command that takes one.

The server decides which values are legal.
"""

import inspect
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from client.completion import choice
from client.documents import FilmRequest
from client.input_files import build_request, is_request_file
from client.pictures import parse_frames, parse_references

Budget = Annotated[float | None, Option("--budget", metavar="USD", help="Hard limit of what the job may spend.")]


def read_film_request(
    prompt: Annotated[
        str, Argument(metavar="PROMPT", help="The idea for the film, or a file as for --file; - reads stdin.")
    ] = "",
    *,
    file: Annotated[
        Path | None, Option(metavar="FILE", help="A text file with the idea, or a request as .json or .yaml.")
    ] = None,
    title: Annotated[str | None, Option(help="The film's title.")] = None,
    duration: Annotated[float | None, Option(metavar="SECONDS", help="Length of the film.")] = None,
    scenes: Annotated[int | None, Option(metavar="N", help="How many scenes.")] = None,
    aspect: Annotated[str | None, choice("16:9|9:16", "Aspect ratio of the film.")] = None,
    resolution: Annotated[str | None, choice("360p|720p|1080p|4k", "Resolution of the film.")] = None,
    quality: Annotated[str | None, choice("draft|standard|best", "Which models to use.")] = None,
    style: Annotated[
        str | None,
        Option(metavar="NAME", help="How it looks, moves and sounds: a name that `promptreel styles` lists."),
    ] = None,
    template: Annotated[
        str | None, Option(metavar="NAME", help="What kind of film it is; `promptreel styles` lists templates too.")
    ] = None,
    reference: Annotated[
        list[str] | None,
        Option(
            metavar="KIND:NAME=FILE",
            help="A picture of a character, place, product or style, such as character:Mira=mira.png; more than once "
            "for several. A file is uploaded; an upload:, gs:// or https:// address works too.",
        ),
    ] = None,
    consent: Annotated[
        list[str] | None,
        Option(
            metavar="NAME=STATEMENT",
            help="That the real person whom the pictures of this name show has agreed; stored with the job.",
        ),
    ] = None,
    frame: Annotated[
        list[str] | None,
        Option(
            metavar="SCENE:start|end=FILE",
            help="A picture that is exactly the first or last one of a scene, such as 3:start=pic.png; with a fit: "
            "3:start:extend=pic.png, 3:end:pad:#102030=pic.png. More than once for several; files are uploaded.",
        ),
    ] = None,
    budget: Budget = None,
    seed: Annotated[int | None, Option(metavar="N", help="Seed of the image and video models.")] = None,
    transition: Annotated[str | None, choice("cut|crossfade|fade_black", "Transition between scenes.")] = None,
    transition_duration: Annotated[float | None, Option(metavar="SECONDS", help="Length of a transition.")] = None,
    clip_audio: Annotated[bool | None, Option(help="Keep the sound of the clips.")] = None,
    text_model: Annotated[str | None, Option(metavar="ID", help="Model that writes the storyboard.")] = None,
    image_model: Annotated[str | None, Option(metavar="ID", help="Model that draws the keyframes.")] = None,
    video_model: Annotated[str | None, Option(metavar="ID", help="Model that films the clips.")] = None,
    continuity: Annotated[str | None, choice("chain|sheet|auto", "How scenes keep the same look.")] = None,
    approval: Annotated[
        str | None, choice("none|storyboard|animatic", "What you want to approve before it goes on.")
    ] = None,
    stop_after: Annotated[
        str | None, choice("storyboard|keyframes|clips", "Go no further than this stage for now.")
    ] = None,
    on_scene_failure: Annotated[
        str | None, choice("still|omit|fail", "What replaces a scene that cannot be filmed.")
    ] = None,
    grade: Annotated[
        str | None, choice("off|match", "Correct scenes that stray from the film's own look, a little.")
    ] = None,
    priority: Annotated[str | None, choice("standard|high", "Queue of the clips.")] = None,
    checks: Annotated[bool | None, Option(help="Judge the keyframes before they are filmed.")] = None,
    cache: Annotated[bool | None, Option(help="Take over what equal earlier films have paid for.")] = None,
) -> FilmRequest:
    """Build the request from the options of one command."""
    fields = {
        "title": title,
        "duration_s": duration,
        "scenes": scenes,
        "aspect": aspect,
        "resolution": resolution,
        "quality": quality,
        "style": style,
        "template": template,
        "references": parse_references(reference or (), consent or ()),
        "frames": parse_frames(frame or ()),
        "budget_usd": budget,
        "seed": seed,
        "transition": {"kind": transition, "duration_s": transition_duration},
        "clip_audio": clip_audio,
        "models": {"text": text_model, "image": image_model, "video": video_model},
        "continuity": continuity,
        "approval": approval,
        "stop_after": stop_after,
        "on_scene_failure": on_scene_failure,
        "grade": grade,
        "priority": priority,
        "checks": checks,
        "cache": cache,
    }
    if file is None and is_request_file(prompt):
        prompt, file = "", Path(prompt)
    return build_request(prompt, file, sys.stdin, fields)


def takes_film_request(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `read_film_request`; its first parameter gets the request."""
    options = inspect.signature(read_film_request).parameters
    own = dict(list(inspect.signature(command).parameters.items())[1:])

    @wraps(command)
    def run(**given: Any) -> None:
        request = read_film_request(**{name: given.pop(name) for name in options})
        command(request, **given)

    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*options.values(), *own.values())]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run
