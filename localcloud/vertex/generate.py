"""generateContent, streamGenerateContent and countTokens: a prompt in, an answer in words, JSON or a picture out."""

import asyncio
from collections.abc import Sequence

from starlette.responses import Response

from localcloud.vertex import answers, judging, wire
from localcloud.vertex.answers import Answer
from localcloud.vertex.faults import Hits
from localcloud.vertex.judging import Sight, judge
from localcloud.vertex.picture.paint import output_limit, paint, read_picture_request, too_many_pictures
from localcloud.vertex.registry import ImageModel, InteractionModel, Model, TextModel, Usage, VideoModel
from localcloud.vertex.requests import Call, check_call, send_response
from localcloud.vertex.standin import Standin
from localcloud.vertex.store import Attached
from localcloud.vertex.text.write import apply_fault, tokens, write
from localcloud.vertex.wire import Conversation, Media, invalid

_PICTURE_THOUGHT_TOKENS = 40
_REFUSAL_TOKENS = 14


async def count_tokens(standin: Standin, call: Call) -> Response:
    prompt = wire.conversation(call.body)
    contents = await judging.fetch(prompt.media, standin.storage)
    used = prompt_usage(prompt, await _seen(standin, contents), call.model)
    hits = check_call(standin, call, "count")
    chars = sum(len("".join(turn.text.split())) for turn in prompt.turns)
    return await send_response(standin, call, hits, answers.counted(used, chars))


async def generate_content(standin: Standin, call: Call) -> Response:
    """Raises: ApiError, ConnectionCutError."""
    prompt = wire.conversation(call.body)
    model = call.model
    if isinstance(model, InteractionModel):
        raise invalid(
            f"{model.id} is only supported in the Interactions API and cannot be called directly via generateContent."
        )
    if isinstance(model, VideoModel):
        raise invalid(f"{call.model_path} is not supported in the generateContent API.")
    if prompt.turns[-1].role == "model":  # Gemini 3.6, 3.5 Flash-Lite and all later models
        raise invalid("Requests ending with a model turn are not supported.")
    contents = await judging.fetch(prompt.media, standin.storage)
    sights = await _seen(standin, contents)
    asked = prompt_usage(prompt, sights, model)
    if isinstance(model, ImageModel):
        hits, answer = await _draw(standin, call, model, prompt, asked)
    else:
        hits, answer = await _write(standin, call, model, prompt, asked, sights)
    price = model.micros(answer.usage, standin.today, call.location)
    attached = [Attached.of(media.uri, content) for media, content in contents]
    n = standin.store.bill(
        at=standin.today.isoformat(), model=model.id, method=call.method, micros=price, attached=attached
    )
    if answer.filtered:
        standin.store.settle(n, "filtered")
    body = answers.body(answer, model.id, standin.today, n, hits.get("usage"))
    if call.method == "generateContent":
        return await send_response(standin, call, hits, body, n)
    return await send_response(
        standin, call, hits, answers.chunks(body), n, to_response=answers.to_response(call.request)
    )


async def _draw(
    standin: Standin, call: Call, model: ImageModel, prompt: Conversation, asked: Usage
) -> tuple[Hits, Answer]:
    wanted = await read_picture_request(model, prompt, call.body, standin.storage)
    limit = output_limit(model, call.body)
    hits = check_call(standin, call, model.kind)
    latency_s = standin.profile.latency(model.id, model.kind, wanted)
    usage = asked.answered(picture=model.picture_tokens[wanted.size], thoughts=_PICTURE_THOUGHT_TOKENS)
    if usage.picture + usage.thoughts > limit:
        return hits, answers.cut_off(asked.answered(thoughts=min(usage.thoughts, limit)))
    if answer := refused(hits, asked, picture=True):
        await asyncio.sleep(latency_s)
        return hits, answer
    loop = asyncio.get_running_loop()
    painted = wanted.altered(hits)
    painting = loop.run_in_executor(standin.workers, paint, painted)
    picture, _ = await asyncio.gather(painting, asyncio.sleep(latency_s))
    return hits, answers.image_answer(picture, painted.mime_type, usage)


async def _write(
    standin: Standin, call: Call, model: TextModel, prompt: Conversation, asked: Usage, sights: Sequence[Sight]
) -> tuple[Hits, Answer]:
    shown = sum(media.mime_type.startswith("image/") for media in prompt.media)
    if shown > model.max_pictures:
        raise too_many_pictures(shown, model.max_pictures)
    # Written first, because a request that makes no sense is refused before it counts.
    answer = write(model, prompt, asked, judge(sights, "\n".join(prompt.user_texts)), call.body)
    hits = check_call(standin, call, model.kind)
    await asyncio.sleep(standin.profile.latency(model.id, model.kind, prompt))
    return hits, refused(hits, asked, picture=False) or apply_fault(answer, hits)


async def _seen(standin: Standin, contents: Sequence[tuple[Media, bytes]]) -> list[Sight]:
    """What the prompt shows. Raises: ApiError 400 for what cannot be decoded."""
    loop = asyncio.get_running_loop()
    looks = (loop.run_in_executor(standin.workers, judging.look, content, each.mime_type) for each, content in contents)
    return list(await asyncio.gather(*looks))


def prompt_usage(prompt: Conversation, sights: Sequence[Sight], model: Model) -> Usage:
    """What the prompt counts, by modality; the same for countTokens and for the bill."""
    chars = len(prompt.system) + sum(len(turn.text) for turn in prompt.turns)
    of_one = model.reference_tokens if isinstance(model, ImageModel) else None
    if isinstance(model, TextModel):
        of_one = model.picture_tokens_in
    pictures = sum(of_one or sight.tokens for sight in sights if not sight.is_clip)
    return Usage(tokens(chars), pictures, prompt_clips=sum(sight.tokens for sight in sights if sight.is_clip))


def refused(hits: Hits, asked: Usage, *, picture: bool) -> Answer | None:
    """What comes instead of an answer, if a fault orders it. It is billed by its usage, as every answer with 200 is."""
    if "words" in hits:
        return answers.unwilling(asked.answered(answer=_REFUSAL_TOKENS, thoughts=_PICTURE_THOUGHT_TOKENS))
    if (args := hits.get("blocked")) is not None:
        return answers.blocked(str(args.get("reason", "PROHIBITED_CONTENT")), asked)
    if (args := hits.get("rai")) is not None:
        codes = ", ".join(map(str, args.get("codes", [56562880])))
        return answers.filtered(codes, asked.answered(thoughts=_PICTURE_THOUGHT_TOKENS), picture=picture)
    return None
