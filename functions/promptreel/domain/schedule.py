"""How long a film takes, and what the cloud's own services cost while it is made and kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from promptreel.domain import remedies
from promptreel.domain.estimate import Range, assumptions
from promptreel.domain.models import Resolution, VideoModel
from promptreel.domain.send_slots import Cadence
from promptreel.domain.tariffs import Tariff

SURE = 0.99  # share of films whose clips need no more rounds than the longest wait has
MB_PER_GB, DAYS_PER_MONTH = 1000, 30


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done for one film: its texts, sheets and keyframes, their check, and a clip of each scene.

    ``questions`` are the calls of one check of all keyframes, none without a check. ``at_once``: no keyframe waits for
    another. ``refused_share`` is the share of the video model's attempts that is in vain.
    """

    texts: Sequence[Tariff]
    sheets: int
    keyframes: int
    at_once: bool
    questions: Sequence[Tariff]
    durations_s: Sequence[int]
    resolution: Resolution
    priority: str
    video: VideoModel
    refused_share: float


@dataclass(frozen=True, slots=True)
class _Course:
    """How a film goes: attempts of the scene that needs most, keyframes drawn again, and how slow everything is.

    ``checks`` is how often keyframes are checked again.
    """

    attempts: float
    redraws: float
    checks: float
    slow: float


def wait_s(work: Work) -> Range:
    """Seconds at pace 1 until the film is finished: in a good hour, as usual, and in a bad one with refusals."""
    seconds, drifting, count = assumptions().seconds, assumptions().pictures.drifting_share, work.keyframes
    if work.questions:
        redraws = drifting * count
        again, most = 1 - (1 - drifting) ** count, redraws + 2 * sqrt(redraws * (1 - drifting))
    else:
        redraws = again = most = 0.0
    good = _Course(1, 0, 0, seconds.fast)
    usual = _Course(_usual_rounds(work), redraws, again, 1)
    bad = _Course(_most_rounds(work), min(most, count), 2 if work.questions else 0, seconds.slow)
    low, expected, high = (round(_makespan_s(work, course)) for course in (good, usual, bad))
    return Range(low=low, expected=expected, high=high)


def platform_micros(work: Work, keep_days: float) -> Range:
    """Micro-dollars for functions, workflow, database, stitcher and storage; a longer wait is polled more often."""
    low, expected, high = (_platform_micros(work, wait, keep_days) for wait in wait_s(work).model_dump().values())
    return Range(low=low, expected=expected, high=high)


def _usual_rounds(work: Work) -> float:
    """The mean number of attempts of the scene that needs the most."""
    scenes = len(work.durations_s)
    return 1 + sum(1 - (1 - work.refused_share**used) ** scenes for used in range(1, 1 + remedies.max_remedies()))


def _most_rounds(work: Work) -> int:
    """The attempts with which nearly every film has all its clips."""
    scenes, most = len(work.durations_s), 1 + remedies.max_remedies()
    return next((used for used in range(1, most) if (1 - work.refused_share**used) ** scenes >= SURE), most)


def _makespan_s(work: Work, course: _Course) -> float:
    """Storyboard, pictures and their check, clips as the queue lets them out, and the cut."""
    seconds, video = assumptions().seconds, work.video
    clip_s = course.attempts * (video.usual_latency_s * course.slow + seconds.until_polled)
    between_s = 60 / assumptions().clips_per_minute[work.priority]
    if video.quota_per_minute is not None:
        between_s = max(between_s, Cadence.of(video.quota_per_minute, pace=1.0).interval_s)
    sent = filmed = 0.0
    for ready in _list_ready_s(work, course):
        sent = max(ready, sent + between_s)
        filmed = max(filmed, sent + clip_s)
    return filmed + _cutting_s(work) * course.slow + seconds.step


def _list_ready_s(work: Work, course: _Course) -> list[float]:
    """When each scene can be filmed. A chain's keyframes follow one another; a check is of all of them."""
    seconds, at_once, scenes = assumptions().seconds, assumptions().pictures.drawn_at_once, len(work.durations_s)
    picture_s = (seconds.keyframe + seconds.step) * course.slow
    begun_s = _writing_s(work.texts) * course.slow + picture_s * ceil(work.sheets / at_once)
    before = max(0, work.keyframes - scenes)  # the first clip needs one more
    drawn = [before + min(number, work.keyframes) for number in range(1, scenes + 1)]
    if work.at_once:
        drawn = [ceil(work.keyframes / at_once)] * scenes
    ready_s = [begun_s + picture_s * count for count in drawn]
    if not work.questions:
        return ready_s
    check_s = _writing_s(work.questions) + course.checks * _writing_s(work.questions[:1])
    return [max(ready_s) + check_s * course.slow + course.redraws * picture_s] * scenes


def _writing_s(tariffs: Sequence[Tariff]) -> float:
    seconds, tokens = assumptions().seconds, assumptions().tokens
    return sum(
        seconds.first_words + tariff.maximum.output * tokens.share_of_limit / seconds.tokens_per_second
        for tariff in tariffs
    )


def _cutting_s(work: Work) -> float:
    seconds = assumptions().seconds
    return seconds.cut + seconds.cut_per_second[work.resolution] * sum(work.durations_s)


def _platform_micros(work: Work, wait: float, keep_days: float) -> int:
    data, scenes = assumptions(), len(work.durations_s)
    prices, sizes = data.platform, data.sizes
    polls = wait / (2 * data.seconds.until_polled)
    requests = sizes.requests["film"] + sizes.requests["scene"] * scenes + polls
    drawn = work.sheets + work.keyframes
    answered_s = _writing_s((*work.texts, *work.questions)) + drawn * data.seconds.keyframe
    in_functions_s = answered_s + requests * data.seconds.step
    steps = sizes.workflow_steps["film"] + sizes.workflow_steps["scene"] * scenes + sizes.workflow_steps["poll"] * polls
    reads = sizes.reads["film"] + (sizes.reads["scene"] + sizes.reads["poll_of_a_scene"] * polls) * scenes
    writes = sizes.writes["film"] + sizes.writes["scene"] * scenes
    copies = 3  # the clips, their segments, and the film
    filmed_mb = copies * sum(work.durations_s) * sizes.clip_mb_per_second[work.resolution]
    stored_gb = ((work.sheets + scenes + 1) * sizes.keyframe_mb + filmed_mb) / MB_PER_GB
    computing = sum(
        used_s * (data.vcpus[place] * prices.vcpu_second + data.gib[place] * prices.gib_second)
        for place, used_s in (("function", in_functions_s), ("stitcher", _cutting_s(work)))
    )
    calls = requests * prices.request + steps * prices.workflow_step + scenes * prices.task
    documents = reads * prices.read + writes * prices.write
    return round(computing + calls + documents + stored_gb * prices.gb_month * keep_days / DAYS_PER_MONTH)
