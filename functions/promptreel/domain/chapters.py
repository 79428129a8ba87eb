"""A long storyboard is written in several answers: the scenes of each, and how they become one storyboard. Pure."""

from dataclasses import dataclass, replace
from itertools import pairwise

from promptreel.domain.coherence import Story
from promptreel.domain.storyboard import StoryScene
from promptreel.domain.treatment import Line, Treatment, find_scene_of

CHAPTER_SCENES = 20
"""The most scenes of one answer: its room may double twice and stays within the 65,536 tokens of the writers."""
PURPOSE = "storyboard"


@dataclass(frozen=True, slots=True)
class Chapter:
    """The scenes that one answer tells: from ``first``, counted from 0, up to ``end``, out of ``film_scenes``."""

    number: int
    first: int
    end: int
    film_scenes: int

    @property
    def count(self) -> int:
        """How many scenes it has."""
        return self.end - self.first

    @property
    def is_whole_film(self) -> bool:
        """Whether one answer tells everything."""
        return self.count == self.film_scenes

    @property
    def purpose(self) -> str:
        """The purpose of its calls."""
        return purpose_of(self.number)

    def own_scenes(self, own: int) -> range:
        """Which of so many scenes of the idea's own it tells, counted from 0.

        A scene that takes several shots may belong to two chapters.
        """
        start = self.first * own // self.film_scenes
        if own <= self.film_scenes:
            return range(start, (self.end - 1) * own // self.film_scenes + 1) if own else range(0)
        return range(start, self.end * own // self.film_scenes)

    def take_part(self, treatment: Treatment | None) -> Treatment | None:
        """The treatment with the scenes and lines of this chapter alone; each line belongs to one chapter."""
        if treatment is None or self.is_whole_film:
            return treatment
        scenes = [treatment.scenes[at] for at in self.own_scenes(len(treatment.scenes))]
        return treatment.model_copy(update={"scenes": scenes, "dialogue": self._lines(treatment)})

    def _lines(self, treatment: Treatment) -> list[Line]:
        """A line belongs where its scene begins; those of no scene are spread evenly."""
        own, lines = len(treatment.scenes), treatment.dialogue
        scenes = self.own_scenes(own)
        before = replace(self, first=self.first - 1, end=self.first).own_scenes(own) if self.first else range(0)
        beginning = range(max(scenes.start, before.stop), scenes.stop)
        shots = range(self.first, self.end)
        return [
            line
            for order, line in enumerate(lines)
            if (
                found in beginning
                if (found := find_scene_of(line, treatment.scenes)) is not None
                else order * self.film_scenes // len(lines) in shots
            )
        ]


def purpose_of(number: int) -> str:
    """The purpose of the calls of a chapter, counted from 1."""
    return PURPOSE if number == 1 else f"{PURPOSE}/{number}"


def split_film(scenes: int) -> tuple[Chapter, ...]:
    """As few chapters as hold so many scenes, of equal length up to one scene."""
    chapters = -(-scenes // CHAPTER_SCENES)
    bounds = pairwise(scenes * chapter // chapters for chapter in range(chapters + 1))
    return tuple(Chapter(number, first, end, scenes) for number, (first, end) in enumerate(bounds, start=1))


def add_chapter(story: Story | None, chapter: Chapter, written: Story, treatment: Treatment | None) -> Story:
    """The story with one more chapter. Its shots are numbered by the scenes of the whole idea, not of the chapter."""
    if story is None:
        return written
    skipped = chapter.own_scenes(len(treatment.scenes)).start if treatment else 0
    scenes = [_shift(scene, skipped) for scene in written.storyboard.scenes]
    where = f"scenes {chapter.first + 1} to {chapter.end}"
    return Story(
        written.storyboard.model_copy(update={"scenes": [*story.storyboard.scenes, *scenes]}),
        story.uri,
        (*story.warnings, *(f"{where}: {warning}" for warning in written.warnings)),
        (*story.later_uris, written.uri),
    )


def _shift(scene: StoryScene, by: int) -> StoryScene:
    return scene.model_copy(update={"written_scene": scene.written_scene + by}) if scene.written_scene else scene
