"""write_storyboard: plan the film, and reserve its whole price before a keyframe is paid (ledger rule 2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Self, get_args

from promptreel.domain import chapters, coherence, grade, planning, prompts, sheet_planning, storyboard, timeline
from promptreel.domain.call import Call, committed_micros
from promptreel.domain.chapters import Chapter
from promptreel.domain.coherence import Story
from promptreel.domain.document import Problem
from promptreel.domain.job import Continuity, ContinuityMode, DrawItem, FilmStyle, Job, LaterChapter, Plan, SheetItem
from promptreel.domain.models import ImageModel
from promptreel.domain.money import format_usd
from promptreel.domain.picture_inputs import PictureSources, left_out_warnings, list_inputs, list_sheet_inputs
from promptreel.domain.planning import FilmSpec
from promptreel.domain.requested_references import unseen_warnings
from promptreel.domain.scene import KeyframeName, Scene
from promptreel.domain.states import JobState
from promptreel.domain.storyboard import Storyboard, StoryboardChapter, StoryScene
from promptreel.domain.treatment import Treatment, list_inferred
from promptreel.errors import BudgetExceeded, Rejected
from promptreel.ledger import call_requests
from promptreel.ledger.claims import Busy, Superseded
from promptreel.ledger.paid_calls import last_answer
from promptreel.ports.storage import Create, Replace
from promptreel.services import Services
from promptreel.usecases import job_lifecycle, own_frames, webhook_outbox
from promptreel.usecases.read_prompt import PromptReading, read_prompt
from promptreel.usecases.take_over_film import take_over_film
from promptreel.usecases.text_calls import NoUsableAnswer, Question, ask

REQUEST_S = 600.0  # then Cloud Run and the workflow cut the request off (infra/config/services.json)


@dataclass(frozen=True, slots=True)
class DrawingWave:
    """Sheets, or keyframes, that may be drawn at the same time."""

    items: tuple[SheetItem | DrawItem, ...]

    @classmethod
    def list_of(cls, plan: Plan) -> tuple[Self, ...]:
        """The plan's waves."""
        return tuple(cls((*wave.sheets, *wave.items)) for wave in plan.waves)


@dataclass(frozen=True, slots=True)
class StoryboardWritten:
    """``busy``: call again after ``wait_s`` seconds."""

    state: Literal["planned", "busy", "superseded", "awaiting_approval"]
    wait_s: float = 0.0
    waves: tuple[DrawingWave, ...] = ()


def write_storyboard(cmd: job_lifecycle.JobRun, services: Services) -> StoryboardWritten:
    """Write the storyboard and reserve the film's whole price.

    Idempotent: a repeated call returns the stored result and makes no paid call.

    Raises: BudgetExceeded with the amount needed; Rejected when no attempt gives a usable storyboard,
    or a prompt of it does not fit its model;
    Misconfigured when no text model can be used.
    """
    until = last_answer(services.clock.now(), REQUEST_S)
    job = services.jobs.get_job(cmd.job_id).value
    if job.run != cmd.run or job.is_final:
        return StoryboardWritten("superseded")
    if job.plan is not None:
        return _written(job, job.plan)
    job_lifecycle.advance(job, JobState.PENDING, JobState.STORYBOARD, services)
    if job.upgrade is not None:
        plan = take_over_film(cmd, services)
        return StoryboardWritten("superseded") if plan is None else _drawing(plan)
    first = planning.specify_film(job.request, job.created, services.protocols)
    reading = read_prompt(job, first.text, services, until)
    if isinstance(reading, Busy):
        return StoryboardWritten("busy", wait_s=reading.wait_s)
    if isinstance(reading, Superseded):
        return StoryboardWritten("superseded")
    brief = planning.specify_film(job.request, job.created, services.protocols, reading.treatment)
    _require_limit(job, brief, services)
    story = _write_chapters(job, brief, services, until)
    if isinstance(story, Busy):
        return StoryboardWritten("busy", wait_s=story.wait_s)
    if isinstance(story, Superseded):
        return StoryboardWritten("superseded")
    checksums = tuple(services.artifacts.read_checksum(uri) for uri in (story.uri, *story.later_uris))
    draft = _Draft(brief, reading, story, checksums)
    return services.jobs.retry_on_conflict(lambda: _reserve(cmd, draft, services))


def _require_limit(job: Job, brief: FilmSpec, services: Services) -> None:
    """Stop before a storyboard is paid whose film the limit does not hold: the prompt may ask for more than rules read.

    Raises: BudgetExceeded with the amount needed.
    """
    calls = [read.value for read in services.jobs.list_calls(job.id)]
    if any(call.purpose == brief.chapters[0].purpose for call in calls):
        return
    count, now = brief.scene_range[0], services.clock.now()
    _, *chapters = planning.text_tariffs(job.request, brief, count)
    _, pieces_micros = planning.price_micros(job.request, brief, count, now)
    written_micros = sum(tariff.reserved_micros(now) for tariff in chapters)
    needed = committed_micros(calls) + written_micros + pieces_micros
    if needed > job.budget.limit_micros:
        raise _over_limit(job, count, needed)


def _over_limit(job: Job, scenes: int, needed: int) -> BudgetExceeded:
    return BudgetExceeded(
        f"budget_usd: this film of {scenes} scene{'s' * (scenes > 1)} needs up to {format_usd(needed)} USD; "
        f"the limit is {format_usd(job.budget.limit_micros)} USD. No picture was paid.",
        remedy=f"Resume with a limit of at least {format_usd(needed)} USD, or ask for fewer or shorter scenes.",
    )


def _write_chapters(job: Job, brief: FilmSpec, services: Services, until: datetime) -> Story | Busy | Superseded:
    """The storyboard, chapter by chapter; each one follows from the stored answers for those before it."""
    story: Story | None = None
    for chapter in brief.chapters:
        writing = _Writing(job, brief, chapter, story.storyboard if story else None)
        answer = ask(job, brief.text, writing.question, services, until)
        if isinstance(answer, Busy | Superseded):
            return answer
        written = writing.mend(answer) if isinstance(answer, NoUsableAnswer) else Story(answer.value, answer.uri)
        story = chapters.add_chapter(story, chapter, written, brief.treatment)
    if story is None:
        raise ValueError("a film of no scenes")
    return story


@dataclass(frozen=True, slots=True)
class _Writing:
    """One chapter that is to be written; ``so_far`` is the storyboard before it."""

    job: Job
    brief: FilmSpec
    chapter: Chapter
    so_far: Storyboard | None

    @property
    def question(self) -> Question[Storyboard]:
        """What the text model is asked."""
        prompt, treatment = self.job.request.prompt, self._treatment
        return Question(
            purpose=self.chapter.purpose,
            instruction=prompts.WRITER_INSTRUCTION,
            prompt=self.brief.writing(prompt, self.chapter, self.so_far),
            schema=Storyboard if self.so_far is None else StoryboardChapter,
            read=lambda text: coherence.require_coherence(self._parse(text), prompt, treatment, self._before),
            path=f"jobs/{self.job.id}/storyboard",
            most_tokens=planning.storyboard_tokens(self.chapter),
        )

    def mend(self, answer: NoUsableAnswer) -> Story:
        """The last answer, mended by rules. Raises: Rejected when it is no storyboard of the number of scenes."""
        if answer.uri is None or answer.cut_off_at is not None:
            raise _unusable(answer)
        try:
            answered = self._parse(answer.last)
        except ValueError as error:
            raise _unusable(answer) from error
        return coherence.repair(answered, answer.uri, self.job.request.prompt, self._treatment, self._before)

    @property
    def _treatment(self) -> Treatment | None:
        return self.chapter.take_part(self.brief.treatment)

    @property
    def _before(self) -> StoryScene | None:
        return self.so_far.scenes[-1] if self.so_far else None

    def _parse(self, text: str) -> Storyboard:
        if self.so_far is not None:
            return storyboard.parse_chapter(text, self.chapter.count, self.so_far)
        whole = self.chapter.is_whole_film
        return storyboard.parse(text, self.brief.scene_range if whole else (self.chapter.count, self.chapter.count))


def _unusable(answer: NoUsableAnswer) -> Rejected:
    if answer.cut_off_at is not None:
        return Rejected(
            f"scenes: the storyboard does not fit into the writer's answer of {answer.cut_off_at} tokens, "
            f"tried {answer.tries} times.",
            code="storyboard_too_long",
            remedy="Ask for fewer scenes, or for a simpler story.",
        )
    return Rejected(
        f"prompt: no usable storyboard came of it in {answer.tries} tries: {answer.fault}",
        code="storyboard_unusable",
        remedy="Say more plainly what the film shows, scene by scene.",
    )


@dataclass(frozen=True, slots=True)
class _Draft:
    """What the text model has given, before it is planned and reserved."""

    brief: FilmSpec
    reading: PromptReading
    story: Story
    checksums: tuple[str, ...]
    """Of the answer for each chapter, as stored."""


def _reserve(cmd: job_lifecycle.JobRun, draft: _Draft, services: Services) -> StoryboardWritten:
    """Write plan, scenes and a PLANNED call for every picture and clip in one batch, or nothing (ledger rule 2)."""
    jobs, clock, brief, board = services.jobs, services.clock, draft.brief, draft.story.storyboard
    read = jobs.get_job(cmd.job_id)  # before the calls are read
    job, now = read.value, clock.now()
    if job.run != cmd.run or job.is_final:
        return StoryboardWritten("superseded")
    if job.plan is not None:
        return _written(job, job.plan)
    stories = board.scenes
    made = planning.make_scenes(stories, brief.frames_for(len(stories)), brief.video.fps, now, brief.treatment)
    draft_plan = _plan(job, draft, made)
    scenes = own_frames.place_frames(made, own_frames.fit_frames(job, draft_plan, services), now)
    committed = committed_micros([call.value for call in jobs.list_calls(job.id)])
    sources, planned = _choose_continuity(job, draft_plan, scenes, committed, services)
    plan = sources.plan
    prompts.check_shot_prompts(sources, scenes, brief.image)
    needed = committed + sum(call.reserved_micros for call in planned)
    if needed > job.budget.limit_micros:
        raise _over_limit(job, len(scenes), needed)
    graded = grade.palette_warnings(plan.style_guide.palette) if job.request.grade == "match" else []
    unseen = unseen_warnings(job.references, lambda name: any(scene.shows(name) for scene in scenes))
    left_out = _name_left_out(sources, scenes, brief.image)
    if job.request.continuity == "sheet" and plan.continuity.mode == "chain":
        left_out.append(f"continuity: a chain and no sheets: {plan.continuity.reason}.")
    found = (*draft.reading.warnings, *brief.warnings, *draft.story.warnings, *graded, *unseen, *left_out)
    news = [one for one in found if one not in job.warnings]
    ready = job.evolve(plan=plan, warnings=(*job.warnings, *news))
    written = (
        ready.wait_after("storyboard", now) if job.stops_after("storyboard") else ready.to(JobState.KEYFRAMES, now)
    )
    events = webhook_outbox.events_of_job(written, services)
    jobs.write(
        Replace(job.id, read, written),
        *(Create(job.id, scene) for scene in scenes),
        *(Create(job.id, sheet) for sheet in sources.sheets),
        *(Create(job.id, call) for call in planned),
        *events,
    )
    webhook_outbox.enqueue_created(events, services)
    return _written(written, plan)


def _choose_continuity(
    job: Job, plan: Plan, scenes: Sequence[Scene], committed: int, services: Services
) -> tuple[PictureSources, list[Call]]:
    """The plan as a chain or with sheets, as the request asks for it, and the call of everything that is to be made."""
    now, ways = services.clock.now(), {}
    for mode in get_args(ContinuityMode):
        continuity = Continuity(mode=mode)
        sheets = sheet_planning.plan_sheets(plan, scenes, job.references, (), now) if mode == "sheet" else ()
        waves = own_frames.leave_out(sheet_planning.make_waves(continuity, scenes, sheets), scenes)
        sources = PictureSources.of(job, plan.evolve(continuity=continuity, waves=waves), sheets)
        requests = call_requests.unmade_pieces(job, sources, scenes, services.text.location, now)
        ways[mode] = sources, [request.planned(now) for request in requests]
    chain, sheet = (committed + sum(call.reserved_micros for call in ways[mode][1]) for mode in ("chain", "sheet"))
    prices = sheet_planning.Prices(chain, sheet, job.budget.limit_micros)
    decided = sheet_planning.decide(job.request.continuity, plan, scenes, prices)
    if decided.mode == "sheet" and not ways["sheet"][0].sheets:
        decided = Continuity(mode="chain", reason=sheet_planning.NOTHING_SHOWN)
    sources, planned = ways[decided.mode]
    sources = replace(sources, plan=sources.plan.evolve(continuity=decided))
    if decided.mode == "chain" or sheet <= job.budget.limit_micros:
        return sources, planned
    return _hold_sheets(job, sources, scenes, committed, services)


def _hold_sheets(
    job: Job, sources: PictureSources, scenes: Sequence[Scene], committed: int, services: Services
) -> tuple[PictureSources, list[Call]]:
    """The plan without the last sheets, until the limit holds it: a submission knows only how many a film usually has.

    What is left out is given up like a sheet that cannot be drawn, so that words say what it would have shown.
    """
    now, limit = services.clock.now(), job.budget.limit_micros
    sheets = list(sources.sheets)
    for place in reversed(range(len(sheets))):
        message = (
            f"{sheets[place].name}: drawn without a sheet, which the limit of {format_usd(limit)} USD does not hold"
        )
        problem = Problem(code="budget_exceeded", message=message, step="write_storyboard")
        sheets[place] = sheets[place].evolve(problem=problem)
        sources = replace(sources, sheets=tuple(sheets))
        requests = call_requests.unmade_pieces(job, sources, scenes, services.text.location, now)
        planned = [request.planned(now) for request in requests]
        if committed + sum(call.reserved_micros for call in planned) <= limit:
            break
    return sources, planned


def _name_left_out(sources: PictureSources, scenes: Sequence[Scene], model: ImageModel) -> list[str]:
    """What the owner should know about pictures that the image model cannot be given."""
    found = [
        warning
        for sheet in sources.sheets
        for warning in left_out_warnings(list_sheet_inputs(sources.references, sheet, model), sheet.name, model)
    ]
    found += [sheet.problem.message for sheet in sources.sheets if sheet.problem]
    for scene in scenes:
        for frame in get_args(KeyframeName):
            found += left_out_warnings(list_inputs(sources, scene, frame, model), scene.id, model)
    return list(dict.fromkeys(found))


def _written(job: Job, plan: Plan) -> StoryboardWritten:
    return StoryboardWritten("awaiting_approval") if job.is_waiting else _drawing(plan)


def _drawing(plan: Plan) -> StoryboardWritten:
    return StoryboardWritten("planned", waves=DrawingWave.list_of(plan))


def _plan(job: Job, draft: _Draft, scenes: list[Scene]) -> Plan:
    brief, story = draft.brief, draft.story.storyboard
    kind, fps = job.request.transition.kind, brief.video.fps
    overlap = timeline.overlap_frames(kind, brief.transition_frames)
    lengths = [scene.film_frames(fps) for scene in scenes]
    return Plan(
        title=job.request.title or story.title,
        storyboard_uri=draft.story.uri,
        storyboard_checksum=draft.checksums[0],
        later_chapters=tuple(
            LaterChapter(uri=uri, checksum=checksum)
            for uri, checksum in zip(draft.story.later_uris, draft.checksums[1:], strict=True)
        ),
        inferred=list_inferred(job.request.prompt, brief.inferred, brief.treatment),
        treatment=draft.reading.summary,
        style_guide=FilmStyle.of(story.style_guide, brief.direction.style),
        characters=tuple(story.characters),
        settings=tuple(story.settings),
        props=tuple(story.props),
        text_model=brief.text.id,
        image_model=brief.image.id,
        video_model=brief.video.id,
        models=brief.reasons,
        aspect=brief.aspect,
        resolution=job.request.resolution,
        fps=fps,
        planned_frames=timeline.film_frames(lengths, [overlap] * (len(scenes) - 1)),
        transition_kind=kind,
        transition_frames=brief.transition_frames,
        is_checked=job.request.checks,
        waves=(),
    )
