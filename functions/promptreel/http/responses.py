"""Documents as the API shows them. Pure: links are signed before, for the addresses that `artifact_uris` names."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from promptreel.domain.billing import Comparison
from promptreel.domain.call import Call, Totals, add_up
from promptreel.domain.job import Job
from promptreel.domain.money import format_usd
from promptreel.domain.scene import Keyframe, Scene
from promptreel.domain.states import JobState, SceneState

Links = Mapping[str, str]
"""gs:// address to signed URL."""


def accepted_job(job: Job, base_url: str) -> dict[str, Any]:
    """The 202 answer to a submission."""
    return {
        "id": job.id,
        "state": job.state.value,
        "links": {"self": f"{base_url}/v1/jobs/{job.id}"},
        "inferred": _inferred(job),
        "warnings": list(job.warnings),
    }


def job_summary(job: Job) -> dict[str, Any]:
    """One row of the list of jobs."""
    return {
        "id": job.id,
        "state": job.state.value,
        "owner": job.owner,
        "title": job.plan.title if job.plan else job.request.title,
        "created": _iso(job.created),
        "updated": _iso(job.updated),
    }


def artifact_uris(job: Job, scenes: Sequence[Scene]) -> list[str]:
    """The addresses that `job_detail` has a link for."""
    pieces = [piece for scene in scenes for piece in (scene.start, scene.end, scene.clip) if piece]
    output = job.output
    ends = (output.film_uri, output.poster_uri, output.sheet_uri, output.preview_uri) if output else ()
    return [*(piece.uri for piece in pieces), *filter(None, ends)]


def job_detail(job: Job, scenes: Sequence[Scene], calls: Sequence[Call], links: Links) -> dict[str, Any]:
    """Everything its owner may see of a job."""
    plan, output = job.plan, job.output
    return {
        **job_summary(job),
        "request": job.request.model_dump(mode="json", exclude_none=True),
        "progress": _progress(job, scenes),
        "scenes": [_scene(scene, links) for scene in scenes],
        "budget": _budget(job, add_up(calls)),
        "planned_duration_s": plan.planned_frames / plan.fps if plan else None,
        "planned_frames": plan.planned_frames if plan else None,
        "output": {
            "film": {"url": links[output.film_uri], "uri": output.film_uri},
            "poster": {"url": links[output.poster_uri], "uri": output.poster_uri},
            "contact_sheet": _file(output.sheet_uri, links),
            "preview": _file(output.preview_uri, links),
            "duration_s": output.frames / plan.fps,
            "frames": output.frames,
            "width": output.width_px,
            "height": output.height_px,
        }
        if output and plan
        else None,
        "inferred": _inferred(job),
        "warnings": list(job.warnings),
        "error": job.error.model_dump(mode="json") if job.error else None,
        "execution": job.execution,
    }


def ledger_detail(job: Job, calls: Sequence[Call]) -> dict[str, Any]:
    """Every paid call of a job and their totals, in micro-dollars: ``counted_micros`` of all rows add up to them."""
    totals = add_up(calls)
    return {
        "calls": [_call(call) for call in calls],
        "totals": {
            "limit_micros": job.budget.limit_micros,
            "reserved_micros": totals.reserved_micros,
            "spent_micros": totals.spent_micros,
        },
    }


def reconciliation(result: Comparison) -> dict[str, Any]:
    """A job's ledger compared with a bill, call by call, and the sums; ``unknown`` lines are billed and in no call."""
    findings, unknown = result.findings, result.unknown
    counted = sum(finding.call.counted_micros for finding in findings)
    billed = sum(finding.billed_micros or 0 for finding in findings) + sum(row.micros for row in unknown)
    return {
        "calls": [
            {
                "id": finding.call.id,
                "purpose": finding.call.purpose,
                "attempt": finding.call.attempt,
                "state": finding.call.state.value,
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
        "id": call.id,
        "kind": call.kind,
        "model": call.model,
        "scene": call.scene,
        "purpose": call.purpose,
        "take": call.take,
        "attempt": call.attempt,
        "digest": call.digest or "",
        "state": call.state.value,
        "reserved_micros": call.reserved_micros,
        "cost_micros": call.cost_micros,
        "counted_micros": call.counted_micros,
        "counted_as": "spent" if call.is_finished else "reserved",
        "operation": call.operation,
        "storage_uri": call.artifact,
        "usage": call.usage.model_dump() if call.usage else None,
        "at": _iso(call.sent_at or call.created),
        "error": {"reason": call.reason, "codes": list(call.codes)} if call.reason else None,
    }


def _progress(job: Job, scenes: Sequence[Scene]) -> dict[str, Any]:
    """``fraction`` is the share of keyframes and clips that are made, from 0.0 to 1.0."""
    done = sum(scene.state is SceneState.DONE for scene in scenes)
    pieces = sum(bool(scene.start) + bool(scene.end) + 2 * (scene.state is SceneState.DONE) for scene in scenes)
    complete = job.state is JobState.COMPLETE
    return {
        "stage": job.state.value,
        "scenes_total": len(scenes),
        "scenes_done": done,
        "fraction": 1.0 if complete else round(0.95 * pieces / (4 * len(scenes)), 3) if scenes else 0.0,
    }


def _scene(scene: Scene, links: Links) -> dict[str, Any]:
    return {
        "id": scene.id,
        "sequence": scene.sequence,
        "display_order": scene.display_order,
        "state": scene.state.value,
        "description": scene.description,
        "duration_s": scene.duration_s,
        "keyframes": {"start": _keyframe(scene.start, links), "end": _keyframe(scene.end, links)},
        "clip": {"url": links[scene.clip.uri], "uri": scene.clip.uri} if scene.clip else None,
        "attempts": [one.model_dump(mode="json") for one in scene.tries],
        "error": scene.problem.model_dump(mode="json") if scene.problem else None,
    }


def _inferred(job: Job) -> list[dict[str, Any]]:
    """Each value that was read from the prompt, with the words it was read from."""
    return [one.model_dump(mode="json") for one in job.inferred]


def _keyframe(keyframe: Keyframe | None, links: Links) -> dict[str, str] | None:
    return _file(keyframe.uri, links) if keyframe else None


def _file(uri: str | None, links: Links) -> dict[str, str] | None:
    return {"url": links[uri], "uri": uri} if uri else None


def _budget(job: Job, totals: Totals) -> dict[str, str]:
    return {
        "limit_usd": format_usd(job.budget.limit_micros),
        "reserved_usd": format_usd(totals.reserved_micros),
        "spent_usd": format_usd(totals.spent_micros),
    }


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
