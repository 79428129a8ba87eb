"""How long a film takes, and what the cloud's own services cost while it is made and kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from promptreel.domain import remedies
from promptreel.domain.estimate import Range, assumptions
from promptreel.domain.models import Resolution, VideoModel
from promptreel.domain.tariffs import Tariff

SURE = 0.99  # share of films whose clips need no more rounds than the longest wait has
MB_PER_GB, DAYS_PER_MONTH = 1000, 30


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done for one film: its text calls, its keyframes, and a clip of each scene.

    ``refused_share`` is the share of the video model's attempts that is in vain.
    """

    texts: Sequence[Tariff]
    keyframes: int
    durations_s: Sequence[int]
    resolution: Resolution
    priority: str
    video: VideoModel
    refused_share: float


def wait_s(work: Work) -> Range:
    """Seconds at pace 1 until the film is finished: in a good hour, as usual, and in a bad one with refusals."""
    seconds = assumptions().seconds
    return Range(
        low=round(_makespan_s(work, 1, seconds.fast)),
        expected=round(_makespan_s(work, _usual_rounds(work), 1)),
        high=round(_makespan_s(work, _most_rounds(work), seconds.slow)),
    )


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


def _makespan_s(work: Work, rounds: float, factor: float) -> float:
    """Storyboard, keyframes one after the other, clips as the queue lets them out, and the cut."""
    seconds, video = assumptions().seconds, work.video
    clip_s = rounds * (video.usual_latency_s * factor + seconds.until_polled)
    per_minute = min(assumptions().clips_per_minute[work.priority], video.quota_per_minute or float("inf"))
    keyframe_s = (seconds.keyframe + seconds.step) * factor
    drawn = _writing_s(work) * factor + keyframe_s * max(0, work.keyframes - len(work.durations_s))
    sent = filmed = 0.0
    for number, _ in enumerate(work.durations_s, start=1):
        drawn += keyframe_s if number <= work.keyframes else 0
        sent = max(drawn, sent + 60 / per_minute)
        filmed = max(filmed, sent + clip_s)
    return filmed + _cutting_s(work) * factor + seconds.step


def _writing_s(work: Work) -> float:
    seconds, tokens = assumptions().seconds, assumptions().tokens
    return sum(
        seconds.first_words + tariff.maximum.output * tokens.share_of_limit / seconds.tokens_per_second
        for tariff in work.texts
    )


def _cutting_s(work: Work) -> float:
    seconds = assumptions().seconds
    return seconds.cut + seconds.cut_per_second[work.resolution] * sum(work.durations_s)


def _platform_micros(work: Work, wait: float, keep_days: float) -> int:
    data, scenes = assumptions(), len(work.durations_s)
    prices, sizes = data.platform, data.sizes
    polls = wait / (2 * data.seconds.until_polled)
    requests = sizes.requests["film"] + sizes.requests["scene"] * scenes + polls
    in_functions_s = _writing_s(work) + work.keyframes * data.seconds.keyframe + requests * data.seconds.step
    steps = sizes.workflow_steps["film"] + sizes.workflow_steps["scene"] * scenes + sizes.workflow_steps["poll"] * polls
    reads = sizes.reads["film"] + (sizes.reads["scene"] + sizes.reads["poll_of_a_scene"] * polls) * scenes
    writes = sizes.writes["film"] + sizes.writes["scene"] * scenes
    copies = 3  # the clips, their segments, and the film
    filmed_mb = copies * sum(work.durations_s) * sizes.clip_mb_per_second[work.resolution]
    stored_gb = ((scenes + 1) * sizes.keyframe_mb + filmed_mb) / MB_PER_GB
    computing = sum(
        used_s * (data.vcpus[place] * prices.vcpu_second + data.gib[place] * prices.gib_second)
        for place, used_s in (("function", in_functions_s), ("stitcher", _cutting_s(work)))
    )
    calls = requests * prices.request + steps * prices.workflow_step + scenes * prices.task
    documents = reads * prices.read + writes * prices.write
    return round(computing + calls + documents + stored_gb * prices.gb_month * keep_days / DAYS_PER_MONTH)
