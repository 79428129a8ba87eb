"""What one chaos run does, drawn from its seed: the films to submit, and which program is killed when.

Pure: the same seed and size give the same plan, so a failing run can be repeated in the same order.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from promptreel.domain.models import registry
from promptreel.domain.planning import accept, needed_micros
from tests.chaos import faults
from tests.fakes.services import PROTOCOLS

# Every program that may be killed, with its weight. Not Firestore's emulator: it keeps its documents in memory, which
# Google's would never lose. The workflows' weight is low because a killed stand-in takes every execution with it, and
# sweep_jobs restarts a job three times before it fails it.
TARGETS: Mapping[str, float] = {
    "open_job": 1,
    "write_storyboard": 1,
    "draw_sheet": 1,
    "draw_keyframe": 2,
    "check_continuity": 1,
    "submit_clip": 3,
    "poll_clips": 3,
    "close_job": 1,
    "fail_job": 0.5,
    "sweep_jobs": 1.5,
    "deliver_webhook": 0.5,
    "api": 1.5,
    "stitcher": 3,
    "vertex": 3,
    "replicate": 2,
    "tasks": 2,
    "workflows": 0.8,
    "eventarc": 0.5,
    "scheduler": 0.5,
    "gate": 1.5,
    "storage": 1.5,
    "media": 0.5,
    "metadata": 1,
    "iamcredentials": 0.5,
    "secretmanager": 0.5,
}

# Step boundaries: a document has just entered a state (see boundaries.py), and the programs that may be killed then:
# the writer of the state before its next line, the next actor before it has begun.
BOUNDARIES: Mapping[str, Sequence[str]] = {
    "job PENDING": ("api", "open_job", "workflows"),
    "job STORYBOARD": ("write_storyboard",),
    "job AWAITING_APPROVAL": ("write_storyboard", "api", "close_job"),
    "job KEYFRAMES": ("write_storyboard", "draw_sheet", "draw_keyframe"),
    "job VIDEO_GEN": ("draw_keyframe", "check_continuity", "poll_clips"),
    "job STITCH": ("poll_clips", "stitcher", "gate"),
    "job COMPLETE": ("close_job",),
    "job FAILED": ("fail_job", "sweep_jobs"),
    "job CANCELLED": ("api", "sweep_jobs"),
    "text RESERVED": ("write_storyboard",),
    "text SENT": ("write_storyboard", "vertex"),
    "text SETTLED": ("write_storyboard",),
    "image RESERVED": ("draw_sheet", "draw_keyframe"),
    "image SENT": ("draw_sheet", "draw_keyframe", "vertex"),
    "image SETTLED": ("draw_sheet", "draw_keyframe"),
    "image LOST": ("draw_sheet", "draw_keyframe", "sweep_jobs"),
    "video RESERVED": ("submit_clip",),
    "video SENT": ("submit_clip", "vertex", "replicate"),
    "video named": ("submit_clip", "tasks", "vertex", "replicate"),
    "video UNCERTAIN": ("submit_clip", "poll_clips"),
    "video SETTLED": ("poll_clips", "sweep_jobs"),
    "video ADOPTED": ("poll_clips",),
    "video RELEASED": ("poll_clips",),
    "video LOST": ("poll_clips", "sweep_jobs"),
    "scene DRAWN": ("draw_keyframe",),
    "scene QUEUED": ("draw_keyframe", "tasks", "poll_clips"),
    "scene FILMING": ("submit_clip",),
    "scene DONE": ("poll_clips",),
    "render RENDERING": ("stitcher",),
    "render DONE": ("stitcher",),
}

# For a run of seconds: nothing that leaves a paid call without its answer, which is waited for through the request's
# whole time-out (two minutes for a picture, whatever the pace) or through a clip's whole adoption window. The stitcher
# dies only before it has begun: afterwards its lease is waited for.
QUICK_TARGETS = {
    name: 0.0 if name == "stitcher" else weight
    for name, weight in TARGETS.items()
    if name not in {"write_storyboard", "draw_sheet", "draw_keyframe", "check_continuity", "vertex", "replicate"}
}
QUICK_BOUNDARIES = {
    name: BOUNDARIES[name] for name in ("job VIDEO_GEN", "job STITCH", "video named", "scene QUEUED", "scene DONE")
}

_SUBJECTS = (
    "a red kite over a grey sea",
    "an old clockmaker in a red coat at his bench",
    "Mira in a red coat crossing a frozen river",
    "a night train through the hills",
    "a paper boat in the rain",
    "a lighthouse in a storm",
)
_ACTS = ("it begins at dawn", "the wind turns", "an old man watches from a window", "evening falls")
APPROVALS = ("storyboard", "animatic", *[None] * 8)
_CUT: Mapping[str, Any] = {"kind": "cut"}
_TRANSITIONS = (_CUT, _CUT, {"kind": "crossfade", "duration_s": 0.5}, {"kind": "fade_black", "duration_s": 0.5})
# Where a recorded job of another version is in mid-film (tests/golden/documents).
MOMENTS = tuple(f"8e08352/{moment}" for moment in ("drawing", "sending", "filming", "refused", "rewriting"))
QUICK_MOMENTS = ("8e08352/filming",)  # no call of it waits for its window
# No fault that outlives every remedy is ordered for this model, so that a job which wants no substitute can be made.
STEADY_MODEL = "veo-3.1-lite-generate-001"
SHORTEST_FILM_S = 4
# A film's video models by its number, so that each backend films a third of any plan.
VIDEO_MODELS: Sequence[Sequence[str]] = (
    ("veo-3.1-fast-generate-001", "veo-3.1-generate-001"),
    ("gemini-omni-1.2-flash",),
    ("kwaivgi/kling-v3-video",),
)


@dataclass(frozen=True, slots=True)
class PlannedFilm:
    """One film to submit: its request, by which way, and after how many seconds its owner cancels it, if at all.

    ``repeats`` is the number of an earlier film that asked for the same. It is submitted when that one has ended, and
    takes over what that one has paid for.
    """

    number: int
    request: Mapping[str, Any]
    by_upload: bool = False
    cancel_after_s: float | None = None
    repeats: int | None = None

    @property
    def scenes(self) -> int:
        return int(self.request["scenes"])

    @property
    def waits_for_approval(self) -> bool:
        return bool(self.request.get("approval", "none") != "none")

    @property
    def prompt(self) -> str:
        return str(self.request["prompt"])


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL for one program: ``after_s`` after the kill before, and then, if it names one, at the next boundary."""

    number: int
    process: str
    after_s: float
    boundary: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the deployment, made once, right before the kill of this number (see changes.py)."""

    kind: Literal["templates", "retirement", "documents"]
    before_kill: int


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded job: of the previous version, with fields that a newer one added, or in a schema of the future."""

    number: int
    moment: str
    kind: Literal["previous", "newer", "unreadable"]


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    films: tuple[PlannedFilm, ...]
    kills: tuple[Kill, ...]
    changes: tuple[Change, ...] = ()
    recordings: tuple[Recording, ...] = ()
    retired: str = ""
    """The video models that the provider withdraws, as a pattern."""


def draw(
    seed: int,
    *,
    jobs: int,
    kills: int,
    minutes: float,
    targets: Mapping[str, float] = TARGETS,
    boundaries: Mapping[str, Sequence[str]] = BOUNDARIES,
    most_scenes: int = 4,
    moments: Sequence[str] = MOMENTS,
    retirable: Sequence[str] = faults.RETIRABLE,
    repeats: int = 0,
) -> Plan:
    """The plan of one run; the kills are spread so that the last one comes after about ``minutes``.

    ``repeats`` counts films beside these that repeat the request of another one. ``moments`` are those in which
    recorded jobs may be; without any, nothing changes during the run.
    """
    chance = random.Random(seed)
    mean_s = 60 * minutes / max(1, kills)
    films = tuple(_draw_film(number, most_scenes, chance) for number in range(1, jobs + 1))
    made = tuple(_kills(kills, mean_s, targets, boundaries, chance))
    films = tuple(_add_gate(film, random.Random(f"{seed} gate {film.number}")) for film in films)
    films = tuple(_choose_continuity(film, random.Random(f"{seed} continuity {film.number}")) for film in films)
    films = (*films, *_repeat(films, repeats, random.Random(f"{seed} repeats")))
    if not moments:
        return Plan(seed, films, made)
    changes, recordings = _changes(kills, chance), _recordings(moments, chance)
    return Plan(seed, films, made, changes, recordings, chance.choice(retirable))


def _add_gate(film: PlannedFilm, chance: random.Random) -> PlannedFilm:
    """One film in five waits for its owner: at its storyboard, or at its keyframes."""
    approval = chance.choice(APPROVALS)
    return film if approval is None else replace(film, request={**film.request, "approval": approval})


def _choose_continuity(film: PlannedFilm, chance: random.Random) -> PlannedFilm:
    """Half of the films are drawn from sheets, three of four are checked; a tight limit counts both."""
    request: dict[str, Any] = {
        **film.request,
        "continuity": chance.choice(("chain", "sheet", "sheet", "auto")),
        "checks": chance.random() < 0.75,
    }
    if "budget_usd" in request:
        request["budget_usd"] = _tight_limit_usd(request, chance)
    return replace(film, request=request)


def _repeat(films: Sequence[PlannedFilm], count: int, chance: random.Random) -> Iterator[PlannedFilm]:
    """Films that ask for the same as another one, or as the repetition of another one, and take over what is paid."""
    known = [film for film in films if film.cancel_after_s is None]
    for number in range(len(films) + 1, len(films) + count + 1):
        first = chance.choice(known)
        known.append(PlannedFilm(number, {**first.request, "cache": True}, repeats=first.number))
        yield known[-1]


def _changes(kills: int, chance: random.Random) -> tuple[Change, ...]:
    """Each kind once, in the middle third of the kills."""
    kinds: tuple[Literal["templates", "retirement", "documents"], ...] = ("templates", "retirement", "documents")
    return tuple(Change(kind, 1 + chance.randint(kills // 3, 2 * kills // 3)) for kind in kinds)


def _recordings(moments: Sequence[str], chance: random.Random) -> tuple[Recording, ...]:
    kinds: tuple[Literal["previous", "newer", "unreadable"], ...] = ("previous", "newer", "unreadable")
    return tuple(Recording(number, chance.choice(moments), kind) for number, kind in enumerate(kinds, 1))


def _kills(
    count: int,
    mean_s: float,
    targets: Mapping[str, float],
    at: Mapping[str, Sequence[str]],
    chance: random.Random,
) -> list[Kill]:
    """Two of three at a random instant, the third at a boundary; each boundary is used once before any is repeated."""
    kills, boundaries = [], list[str]()
    possible = {boundary: [process for process in who if process in targets] for boundary, who in at.items()}
    for number in range(1, count + 1):
        after_s = round(min(chance.expovariate(1 / mean_s), 4 * mean_s), 2)
        if number % 3 or not any(possible.values()):
            process = chance.choices(list(targets), list(targets.values()))[0]
            kills.append(Kill(number, process, after_s))
            continue
        if not boundaries:
            boundaries = [boundary for boundary, who in possible.items() if who]
            chance.shuffle(boundaries)
        boundary = boundaries.pop()
        kills.append(Kill(number, chance.choice(possible[boundary]), after_s, boundary))
    return kills


def _tight_limit_usd(request: Mapping[str, Any], chance: random.Random) -> str:
    """Enough for the plan as submitted, not always for a lost storyboard or a remedy."""
    now = datetime.now(UTC)
    accepted, brief = accept({**request, "budget_usd": 10_000}, now, PROTOCOLS)
    return f"{(needed_micros(accepted, brief, now) + round(300_000 * chance.random())) / 1_000_000:.6f}"


def _draw_length_s(scenes: int, models: Sequence[str], chance: random.Random) -> int:
    """Clips as short as every model of the film makes them; now and then a scene of 7 s, for which Veo films 8."""
    shortest = max(registry().video_model(model).durations_s["720p"][0] for model in models)
    longer_s = chance.choices((0, 2, 7 - shortest), (6, 2, 2))[0]
    return max(SHORTEST_FILM_S, shortest * scenes + longer_s)


def _draw_film(number: int, most_scenes: int, chance: random.Random) -> PlannedFilm:
    scenes = min(most_scenes, chance.choices((1, 2, 3, 4), (3, 3, 2, 2))[0])
    acts = ". ".join(_ACTS[:scenes])
    models = VIDEO_MODELS[(number - 1) % len(VIDEO_MODELS)]
    request: dict[str, Any] = {
        "prompt": f"Film {number}: {chance.choice(_SUBJECTS)}. {acts}.",
        "scenes": scenes,
        "duration_s": _draw_length_s(scenes, models, chance),
        "models": {"video": chance.choice(models)},
        "transition": dict(chance.choice(_TRANSITIONS) if scenes > 1 else _CUT),
        "clip_audio": chance.random() < 0.7,
        "priority": chance.choice(("standard", "standard", "high")),
        "aspect": chance.choice(("16:9", "16:9", "9:16")),
        "cache": False,  # two films may have scenes in common, and each is to be paid
    }
    policy = chance.random()
    if policy < 0.4 and len(models) > 1:
        request |= {"on_scene_failure": "fail", "models": {"video": STEADY_MODEL}}
    elif policy < 0.4 and scenes > 2:
        request["on_scene_failure"] = "omit"
    if chance.random() < 0.15:
        request["budget_usd"] = _tight_limit_usd(request, chance)
    return PlannedFilm(
        number,
        request,
        by_upload=number % 10 == 7,
        cancel_after_s=round(chance.uniform(2, 40), 1) if chance.random() < 0.1 else None,
    )
