"""Documents as the API shows them. Pure: links are signed before, for the addresses that `artifact_uris` names."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from promptreel.domain import film_grade, identifiers
from promptreel.domain.billing import Comparison
from promptreel.domain.call import Call, add_up
from promptreel.domain.estimate import Estimate, describe_estimate
from promptreel.domain.job import Job, Plan
from promptreel.domain.money import format_usd
from promptreel.domain.requested_references import THROUGH_KEYFRAMES, describe_way
from promptreel.domain.scene import Clip, Keyframe, KeyframeVerdict, Scene
from promptreel.domain.sheet import Sheet
from promptreel.domain.states import JobState, SceneState
from promptreel.usecases.edit_plan import PlanEdited
from promptreel.usecases.estimate_request import EstimatedRequest
from promptreel.usecases.inspect_upload import InspectedUpload
from promptreel.usecases.offer_upload import Upload

Links = Mapping[str, str]
"""gs:// address to signed URL."""

_SCENE_FIELDS = set(
    "id sequence display_order state description start_prompt end_prompt motion_prompt transition_note camera "
    "characters settings props light dialogue written_scene heading".split()
)
_CALL_FIELDS = set(
    "id kind model scene purpose take attempt digest state reserved_micros cost_micros operation usage source".split()
)


def accepted_job(job: Job, base_url: str) -> dict[str, Any]:
    """The 202 answer to a submission."""
    return {
        **job.model_dump(mode="json", include={"id", "state", "inferred", "warnings"}),
        "estimate": job.estimate and describe_estimate(job.estimate),
        **references(job, None),
        "frames": _frames(job, None),
        "continuity": _continuity(job),
        "links": {"self": f"{base_url}/v1/jobs/{job.id}"},
    }


def estimated_request(estimated: EstimatedRequest) -> dict[str, Any]:
    """The estimate of a request that was not submitted."""
    spec = estimated.spec
    return {
        "estimate": describe_estimate(estimated.estimate),
        "models": [model.model_dump() for model in spec.reasons],
        "inferred": [one.model_dump(mode="json") for one in spec.inferred],
        "warnings": list(spec.warnings),
    }


def job_summary(job: Job) -> dict[str, Any]:
    """One row of the list of jobs."""
    return {
        **job.model_dump(mode="json", include={"id", "state", "owner", "created", "updated"}),
        "title": job.plan.title if job.plan else job.request.title,
    }


def artifact_uris(job: Job, scenes: Sequence[Scene], sheets: Sequence[Sheet] = ()) -> list[str]:
    """The addresses that `job_detail` and `sheet_list` have a link for."""
    pieces = [piece.uri for scene in scenes for piece in (scene.start, scene.end, scene.clip) if piece]
    output = job.output
    ends = (output.film_uri, output.poster_uri, output.sheet_uri, output.preview_uri) if output else ()
    shown = [job.animatic.uri] if job.animatic else []
    return [
        *pieces,
        *filter(None, ends),
        *shown,
        *(one.uri for one in job.references),
        *(one.uri for one in job.frames),
        *(one.image.uri for one in sheets if one.image),
    ]


def job_detail(
    job: Job, scenes: Sequence[Scene], calls: Sequence[Call], links: Links, estimate: Estimate | None = None
) -> dict[str, Any]:
    """Everything its owner may see of a job; ``estimate`` is made anew where the job waits at a gate."""
    plan, output = job.plan, job.output
    return {
        **job_summary(job),
        **job.model_dump(mode="json", include={"warnings", "error", "execution"}),
        "inferred": _inferred(job),
        "treatment": plan.treatment.model_dump(mode="json") if plan and plan.treatment else None,
        "request": job.request.model_dump(mode="json", exclude_none=True),
        "estimate": job.estimate and describe_estimate(job.estimate),
        "frames": _frames(job, links),
        "upgraded_from": job.upgrade.job if job.upgrade else None,
        "progress": _progress(job, scenes),
        "gate": _gate(job, estimate),
        "check": job.check.model_dump(mode="json") if job.check else None,
        "scenes": [_scene(scene, plan.fps, links, calls) for scene in scenes] if plan else [],
        "budget": _budget(job, calls),
        "planned_duration_s": plan.planned_frames / plan.fps if plan else None,
        "planned_frames": plan.planned_frames if plan else None,
        "animatic": _file(job.animatic.uri, links) if job.animatic else None,
        "board": _board(plan) if plan else None,
        "continuity": _continuity(job),
        "grade": _grade(plan, scenes) if plan and job.request.grade == "match" else None,
        "models": [model.model_dump() for model in plan.models] if plan else [],
        "output": {
            "film": _file(output.film_uri, links),
            "poster": _file(output.poster_uri, links),
            "contact_sheet": _file(output.sheet_uri, links),
            "preview": _file(output.preview_uri, links),
            "duration_s": output.frames / plan.fps,
            "frames": output.frames,
            "width": output.width_px,
            "height": output.height_px,
        }
        if output and plan
        else None,
    }


def sheet_list(sheets: Sequence[Sheet], calls: Sequence[Call], links: Links) -> list[dict[str, Any]]:
    """The sheets of a job as its owner sees them; ``error`` says why one was given up."""
    return [
        {
            **sheet.model_dump(mode="json", include={"id", "kind", "name", "description", "views"}),
            "image": _file(sheet.image.uri if sheet.image else None, links),
            "prompt": _prompt(sheet.purpose, calls),
            "error": sheet.problem.model_dump(mode="json") if sheet.problem else None,
        }
        for sheet in sheets
    ]


def ledger_detail(job: Job, calls: Sequence[Call]) -> dict[str, Any]:
    """Every paid call of a job and their totals, in micro-dollars: ``counted_micros`` of all rows add up to them."""
    return {
        "calls": [_call(call) for call in calls],
        "totals": {"limit_micros": job.budget.limit_micros, **asdict(add_up(calls))},
    }


def new_upload(upload: Upload) -> dict[str, Any]:
    """The answer to somebody who is about to upload a picture: one request with these headers writes or starts it."""
    return {
        "id": upload.id,
        "uri": upload.uri,
        "method": upload.method,
        "url": upload.url,
        "headers": dict(upload.headers),
        "max_bytes": upload.max_bytes,
        "expires": format_time(upload.expires),
    }


def inspected_upload(upload: InspectedUpload) -> dict[str, Any]:
    """What was uploaded; ``content_type`` and size are None, and ``problem`` says why, when no request can use it."""
    facts, problem = upload.facts, upload.problem
    return {
        "id": upload.id,
        "uri": upload.uri,
        "kind": "picture",
        "bytes": upload.size,
        "sha256": upload.sha256,
        "content_type": facts.content_type if facts else None,
        "width_px": facts.width_px if facts else None,
        "height_px": facts.height_px if facts else None,
        "remarks": list(facts.remarks) if facts else [],
        "problem": {"code": problem.code, "message": problem.message, "remedy": problem.remedy} if problem else None,
    }


def reconciliation(result: Comparison) -> dict[str, Any]:
    """A job's ledger compared with a bill, call by call, and the sums; ``unknown`` lines are billed and in no call."""
    findings, unknown = result.findings, result.unknown
    counted = sum(finding.call.counted_micros for finding in findings)
    billed = sum(finding.billed_micros or 0 for finding in findings) + sum(row.micros for row in unknown)
    return {
        "calls": [
            {
                **finding.call.model_dump(mode="json", include={"id", "purpose", "attempt", "state"}),
                "ledger_micros": finding.call.counted_micros,
                "billed_micros": finding.billed_micros,
                "verdict": finding.verdict.value,
            }
            for finding in findings
        ],
        "unknown": [row.model_dump(mode="json") for row in unknown],
        "released": list(result.released),
        "totals": {"ledger_micros": counted, "billed_micros": billed},
    }


def _call(call: Call) -> dict[str, Any]:
    return {
        **call.model_dump(mode="json", include=_CALL_FIELDS),
        "counted_micros": call.counted_micros,
        "counted_as": "spent" if call.is_finished else "reserved",
        "storage_uri": call.artifact,
        "at": format_time(call.sent_at or call.created),
        "error": {"reason": call.reason, "codes": list(call.codes)} if call.reason else None,
    }


def job_progress(job: Job, scenes: Sequence[Scene], calls: Sequence[Call]) -> dict[str, Any]:
    """What a stream of events says of the job itself: small, and without links."""
    return {
        **job.model_dump(mode="json", include={"id", "state", "updated"}),
        "progress": _progress(job, scenes),
        "budget": _budget(job, calls),
        "scenes": [{"id": scene.id, "state": scene.state.value, "attempts": len(scene.tries)} for scene in scenes],
    }


def _budget(job: Job, calls: Sequence[Call]) -> dict[str, str]:
    totals = add_up(calls)
    return {
        "limit_usd": format_usd(job.budget.limit_micros),
        "reserved_usd": format_usd(totals.reserved_micros),
        "spent_usd": format_usd(totals.spent_micros),
    }


def _progress(job: Job, scenes: Sequence[Scene]) -> dict[str, Any]:
    """``fraction`` is the share of keyframes and clips that are made, from 0.0 to 1.0."""
    done = sum(scene.state is SceneState.DONE for scene in scenes)
    pieces = sum(bool(scene.start) + bool(scene.end) for scene in scenes) + 2 * done
    complete = job.state is JobState.COMPLETE
    return {
        "stage": job.state.value,
        "scenes_total": len(scenes),
        "scenes_done": done,
        "fraction": 1.0 if complete else round(0.95 * pieces / (4 * len(scenes)), 3) if scenes else 0.0,
    }


def _inferred(job: Job) -> list[dict[str, Any]]:
    """What was read from the prompt: by rules until there is a plan, then also by the text model."""
    if job.plan is not None and job.plan.inferred:
        return [one.model_dump(mode="json") for one in job.plan.inferred]
    return [{**one.model_dump(mode="json"), "source": "rules"} for one in job.inferred]


def references(job: Job, links: Links | None, sheets: Sequence[Sheet] = ()) -> dict[str, Any]:
    """The user's own pictures, and what each is drawn into; without links in an answer that has none."""
    given_up = {(sheet.kind, sheet.name.casefold()) for sheet in sheets if sheet.problem}
    mode = job.plan.continuity.mode if job.plan else job.request.continuity
    fields = {"kind", "name", "description", "width_px", "height_px", "source", "consent"}
    return {
        "references": [
            {
                **one.model_dump(mode="json", include=fields),
                "description": one.description,
                "consent": one.consent,
                "drawn_into": describe_way(one, mode, given_up),
                **({} if links is None else {"image": _file(one.uri, links)}),
            }
            for one in job.references
        ],
        "references_way": THROUGH_KEYFRAMES if job.references else None,
    }


def _frames(job: Job, links: Links | None) -> list[dict[str, Any]]:
    """The user's own keyframes, as they were taken in; without links in an answer that has none."""
    fields = {"scene", "frame", "fit", "colour", "width_px", "height_px", "source"}
    return [
        {
            **one.model_dump(mode="json", include=fields),
            "colour": one.colour,
            "keyframe": f"{identifiers.scene_id(one.place[0])}/{one.place[1]}",
            **({} if links is None else {"image": _file(one.uri, links)}),
        }
        for one in job.frames
    ]


def _continuity(job: Job) -> dict[str, str | None]:
    """How the keyframes are made to hold together, and why; ``auto`` until the storyboard is written."""
    if job.plan is not None:
        return {"mode": job.plan.continuity.mode, "reason": job.plan.continuity.reason}
    undecided = "chosen by scenes, cast and budget once the storyboard is written"
    return {"mode": job.request.continuity, "reason": undecided if job.request.continuity == "auto" else None}


def _board(plan: Plan) -> dict[str, Any]:
    """What the storyboard says of the whole film; the scenes have the rest."""
    return plan.model_dump(mode="json", include={"style_guide", "characters", "settings", "props"})


def _grade(plan: Plan, scenes: Sequence[Scene]) -> dict[str, Any] | None:
    """What the film's pictures should look like, and the keyframes that stray; None before one is drawn."""
    target = film_grade.find_target(plan, film_grade.keyframe_looks(scenes))
    if target is None:
        return None
    return {
        "source": target.source,
        "target": target.look.model_dump(),
        "strays": [asdict(stray) for stray in film_grade.list_strays(scenes, target)],
    }


def _gate(job: Job, estimate: Estimate | None) -> dict[str, Any] | None:
    """Where the job waits for a person, since when, and until when: it expires like every job."""
    if job.gate is None or not job.is_waiting:
        return None
    expires = format_time(job.expires) if job.expires else None
    revision = job.plan.revision if job.plan else None
    return {
        "stage": job.gate.stage,
        "revision": revision,
        "since": format_time(job.gate.since),
        "expires": expires,
        "estimate": estimate and describe_estimate(estimate),
    }


def edited_plan(edited: PlanEdited) -> dict[str, Any]:
    """The answer to an edit: the new revision, what it changed, what is redone, and what that costs at most."""
    return {
        "id": edited.job.id,
        "revision": edited.plan.revision,
        "changed": list(edited.changed),
        "redo": {
            "sheets": [sheet.name for sheet in edited.redrawn_sheets],
            "keyframes": [f"{item.scene}/{item.frame}" for item in edited.redrawn],
            "at_most_usd": format_usd(edited.redo_micros),
        },
        "left_at_most_usd": format_usd(edited.left_micros),
        "limit_usd": format_usd(edited.job.budget.limit_micros),
        "planned_duration_s": edited.plan.planned_frames / edited.plan.fps,
        "planned_frames": edited.plan.planned_frames,
    }


def _scene(scene: Scene, fps: int, links: Links, calls: Sequence[Call]) -> dict[str, Any]:
    frames = scene.film_frames(fps)
    return {
        **scene.model_dump(mode="json", include=_SCENE_FIELDS),
        "duration_s": frames / fps,
        "frames": frames,
        "keyframes": {"start": _piece(scene.start, links), "end": _piece(scene.end, links)},
        "clip": _piece(scene.clip, links),
        "prompts": {
            "start": _prompt(scene.keyframe_purpose("start"), calls),
            "end": _prompt(scene.keyframe_purpose("end"), calls),
            "clip": _prompt(scene.clip_purpose, calls),
        },
        "verdicts": [_verdict(one, scene) for one in scene.verdicts],
        "attempts": [one.model_dump(mode="json") for one in scene.tries],
        "error": scene.problem.model_dump(mode="json") if scene.problem else None,
    }


def _verdict(verdict: KeyframeVerdict, scene: Scene) -> dict[str, Any]:
    """What the check said of one picture; ``is_used`` tells whether it is the keyframe now."""
    used = {keyframe.uri for keyframe in (scene.start, scene.end) if keyframe}
    return {
        **verdict.model_dump(mode="json", include={"frame", "take", "round", "scores", "drift", "worst"}),
        "uri": verdict.keyframe.uri,
        "is_used": verdict.keyframe.uri in used,
    }


def _prompt(purpose: str, calls: Sequence[Call]) -> dict[str, str | None] | None:
    """The latest prompt that was sent for this; ``original`` is set where it had to be cut."""
    sent = [call for call in calls if call.purpose == purpose and call.prompt is not None]
    latest = max(sent, key=lambda call: (call.take, call.attempt), default=None)
    prompt = latest.prompt if latest else None
    return {"sent": prompt.text, "original": prompt.original} if prompt else None


def _piece(piece: Keyframe | Clip | None, links: Links) -> dict[str, str] | None:
    return _file(piece.uri, links) if piece else None


def _file(uri: str | None, links: Links) -> dict[str, str] | None:
    return {"url": links[uri], "uri": uri} if uri else None


def format_time(at: datetime) -> str:
    """The time as documents and answers have it."""
    return at.isoformat().replace("+00:00", "Z")
