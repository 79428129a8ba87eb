"""Which keyframes are judged, in which questions, and which are drawn again. Pure.

The keyframes of a film are one more than its scenes: a scene begins with the last keyframe of the one before, unless it
was given a picture of its own. A verdict is stored with the scene whose keyframe it is on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from promptreel.domain.job import DrawItem, Plan
from promptreel.domain.models import TextModel
from promptreel.domain.picture_inputs import PictureInput
from promptreel.domain.scene import JudgeAnswer, Keyframe, KeyframeName, KeyframeVerdict, Scene
from promptreel.domain.states import SceneState
from promptreel.domain.verdict import MAX_DRIFT_CHARS, PictureVerdict, check_limits

_LABEL_CHARS = 400  # of each text in a label
_BEFORE_CLIPS = frozenset({SceneState.PENDING, SceneState.DRAWN})


@dataclass(frozen=True, slots=True)
class FilmKeyframe:
    """A keyframe in the order of the film. ``shared_by`` is the scene that begins with it."""

    scene: Scene
    frame: KeyframeName
    shared_by: Scene | None = None

    @property
    def drawn(self) -> Keyframe | None:
        """The keyframe as stored; None when it is to be drawn, or to be drawn again."""
        return self.scene.keyframe(self.frame)

    @property
    def name(self) -> str:
        """As a message names it."""
        return f"{self.scene.id}/{self.frame}"

    @property
    def item(self) -> DrawItem:
        """What draws it."""
        return DrawItem(scene=self.scene.id, frame=self.frame, take=self.scene.take)

    @property
    def verdicts(self) -> tuple[KeyframeVerdict, ...]:
        """Those on it and on the pictures that it has replaced, oldest first."""
        return self.scene.list_verdicts(self.frame)

    @property
    def verdict(self) -> KeyframeVerdict | None:
        """The one on the keyframe as it is."""
        drawn = self.drawn
        return next((one for one in self.verdicts if drawn and one.keyframe.uri == drawn.uri), None)

    @property
    def may_be_redrawn(self) -> bool:
        """Whether no clip depends on it yet, another attempt is allowed, and it is not its owner's own picture."""
        verdict, limits = self.verdict, check_limits()
        if verdict is None or verdict.passes or verdict.is_final or verdict.keyframe.is_own:
            return False
        is_early = all(scene.state in _BEFORE_CLIPS for scene in (self.scene, self.shared_by) if scene)
        return is_early and len(self.verdicts) <= limits.redraws_of_one


def list_keyframes(scenes: Sequence[Scene]) -> list[FilmKeyframe]:
    """Every keyframe once; ``scenes`` are in the order of the film."""
    found: list[FilmKeyframe] = []
    for index, scene in enumerate(scenes):
        before = scenes[index - 1] if index else None
        if before is None or not _is_shared(before, scene):
            found.append(FilmKeyframe(scene, "start"))
        following = scenes[index + 1] if index + 1 < len(scenes) else None
        shares = following is not None and _is_shared(scene, following)
        found.append(FilmKeyframe(scene, "end", following if shares else None))
    return found


def _is_shared(scene: Scene, following: Scene) -> bool:
    if scene.end is None or following.start is None:
        return True
    return scene.shares_keyframe(following)


def list_unjudged(keyframes: Sequence[FilmKeyframe]) -> list[FilmKeyframe]:
    """Those that no verdict is on."""
    return [one for one in keyframes if one.drawn is not None and one.verdict is None]


def next_round(keyframes: Sequence[FilmKeyframe]) -> int:
    """The number of the round that judges those without a verdict."""
    return 1 + max((verdict.round for one in keyframes for verdict in one.scene.verdicts), default=0)


def choose_redraws(keyframes: Sequence[FilmKeyframe]) -> list[FilmKeyframe]:
    """The worst of those that do not pass, as many as one round may draw again, in the order of the film."""
    most = max(1, len(keyframes) // check_limits().redrawn_one_in)
    failing = [(one.verdict, one) for one in keyframes if one.may_be_redrawn]
    worst = sorted(failing, key=lambda pair: pair[0].quality if pair[0] else (0.0, 0.0))[:most]
    chosen = {one.name for _, one in worst}
    return [one for one in keyframes if one.name in chosen]


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture of a question, and what is said of it; one that is not judged is there to be compared with."""

    uri: str
    checksum: str | None
    label: str
    judged: FilmKeyframe | None = None


@dataclass(frozen=True, slots=True)
class CheckQuestion:
    """One question to the judge: its pictures in order, numbered from 1."""

    pictures: tuple[ShownPicture, ...]

    @property
    def judged(self) -> Mapping[int, FilmKeyframe]:
        """The keyframes to judge, by number."""
        numbered = enumerate(self.pictures, start=1)
        return {number: picture.judged for number, picture in numbered if picture.judged is not None}


def list_questions(
    plan: Plan, keyframes: Sequence[FilmKeyframe], models: Sequence[PictureInput], text: TextModel
) -> list[CheckQuestion]:
    """The questions that judge every keyframe without a verdict.

    ``models`` are pictures of how somebody or something looks in the whole film: sheets, and the user's references.
    Where there is none, the first keyframe that shows it takes their place.
    """
    most = min(check_limits().pictures_a_request, text.max_pictures)
    unjudged, questions = list_unjudged(keyframes), []
    while unjudged:
        count = min(len(unjudged), most)
        question = _ask(plan, keyframes, unjudged[:count], models)
        while count > 1 and len(question.pictures) > most:
            count -= 1
            question = _ask(plan, keyframes, unjudged[:count], models)
        questions.append(CheckQuestion(_cut(question.pictures, most)))
        unjudged = unjudged[count:]
    return questions


def _cut(pictures: tuple[ShownPicture, ...], most: int) -> tuple[ShownPicture, ...]:
    """Without those to compare with that are too many, the last of them first."""
    too_many = max(0, len(pictures) - most)
    compared = [one.uri for one in pictures if one.judged is None]
    dropped = set(compared[len(compared) - too_many :])
    return tuple(one for one in pictures if one.judged is not None or one.uri not in dropped)


def _ask(
    plan: Plan, keyframes: Sequence[FilmKeyframe], judged: Sequence[FilmKeyframe], models: Sequence[PictureInput]
) -> CheckQuestion:
    names = {name for one in judged for name in list_shown(plan, one)}
    looks = [one for one in models if one.uri is not None and (one.name is None or one.name in names)]
    pictures = [ShownPicture(one.uri or "", one.checksum, f"model: {one.shows}") for one in looks]
    without_model = names - {one.name for one in looks if one.name}
    first = {one.name for one in _find_first(plan, keyframes, judged, without_model)}
    asked = {one.name for one in judged}
    for one in keyframes:
        if one.drawn is not None and one.name in asked | first:
            label = _describe(plan, one)
            pictures.append(ShownPicture(one.drawn.uri, one.drawn.checksum, label, one if one.name in asked else None))
    return CheckQuestion(tuple(pictures))


def _find_first(
    plan: Plan, keyframes: Sequence[FilmKeyframe], judged: Sequence[FilmKeyframe], names: set[str]
) -> Iterator[FilmKeyframe]:
    """Of each name the first keyframe that shows it and is not judged; for a judged one alone, also its neighbour."""
    asked = {one.name for one in judged}
    others = [one for one in keyframes if one.drawn is not None and one.name not in asked]
    for name in sorted(names):
        yield from [one for one in others if name in list_shown(plan, one)][:1]
    if len(judged) == 1:
        place = [one.name for one in keyframes].index(judged[0].name)
        yield from [one for one in keyframes[max(0, place - 1) : place + 2] if one in others]


def list_shown(plan: Plan, keyframe: FilmKeyframe) -> list[str]:
    """Names of the characters and settings that its scene shows."""
    named = (*(one.name for one in plan.characters), *(one.name for one in plan.settings))
    return [name for name in named if keyframe.scene.shows(name)]


def _describe(plan: Plan, keyframe: FilmKeyframe) -> str:
    scene = keyframe.scene
    words = scene.start_prompt if keyframe.frame == "start" else scene.end_prompt
    place = "first" if keyframe.frame == "start" else "last"
    shown = ", ".join(list_shown(plan, keyframe))
    label = f"keyframe, the {place} picture of {scene.id}: {_shorten(words)} Scene: {_shorten(scene.description)}"
    return f"{label} Shown: {shown}." if shown else label


def _shorten(text: str) -> str:
    return " ".join(text.split())[:_LABEL_CHARS]


def to_verdicts(
    question: CheckQuestion, answered: Mapping[int, PictureVerdict], number: int, answer: JudgeAnswer | None = None
) -> list[tuple[FilmKeyframe, KeyframeVerdict]]:
    """The verdicts to store, of the round with this number."""
    found = []
    for place, keyframe in question.judged.items():
        drawn, verdict = keyframe.drawn, answered[place]
        if drawn is not None:
            drift = " ".join(verdict.drift.split())[:MAX_DRIFT_CHARS] or None
            stored = KeyframeVerdict(
                frame=keyframe.frame,
                take=keyframe.scene.take,
                round=number,
                keyframe=drawn,
                scores={aspect: round(score, 3) for aspect, score in verdict.scores.items()},
                drift=drift,
                worst=None if verdict.worst == "none" else verdict.worst,
                answer=answer,
            )
            found.append((keyframe, stored))
    return found


def choose_best(scene: Scene, frame: KeyframeName) -> Keyframe | None:
    """The picture with the best verdict, the latest of equal ones; None when no verdict is on any."""
    verdicts = scene.list_verdicts(frame)
    return max(reversed(verdicts), key=lambda one: one.quality).keyframe if verdicts else None


def drift_warnings(keyframes: Sequence[FilmKeyframe]) -> list[str]:
    """One sentence for each keyframe that does not pass and stays."""
    failing = ((one, one.verdict) for one in keyframes)
    return [
        f"{one.scene.id}: its {one.frame} picture drifts ({verdict.worst}): {verdict.drift}"
        for one, verdict in failing
        if verdict is not None and not verdict.passes
    ]


def mark_for_redraw(scenes: Sequence[Scene], chosen: Sequence[FilmKeyframe], now: datetime) -> list[Scene]:
    """The scenes with these keyframes to be drawn again; the ones that stay as they are, are the same objects."""
    replaced = {one.drawn.uri for one in chosen if one.drawn is not None}
    return [scene.redraw_damaged(replaced, now) for scene in scenes]
