"""generateContent and countTokens: a prompt in, an answer in words, JSON or a picture out."""

import asyncio
import json

from starlette.responses import Response

from localcloud.vertex import answers, wire
from localcloud.vertex.answers import Answer
from localcloud.vertex.call import Call, admit, leave
from localcloud.vertex.faults import Hits
from localcloud.vertex.picture.paint import paint
from localcloud.vertex.picture.request import read_picture_request
from localcloud.vertex.registry import ImageModel, TextModel, Usage, VideoModel
from localcloud.vertex.standin import Standin
from localcloud.vertex.storage import Storage, StorageError
from localcloud.vertex.text import fill, story
from localcloud.vertex.wire import Conversation, Media, invalid

CHARS_PER_TOKEN = 4
PICTURE_TOKENS = 258
CLIP_TOKENS = 258 * 8  # one frame a second of a usual clip
SOUND_TOKENS = 32 * 8
_TEXT_THOUGHT_TOKENS = 12
_PICTURE_THOUGHT_TOKENS = 40
_PARAGRAPH_SENTENCES = 3


async def count_tokens(standin: Standin, call: Call) -> Response:
    prompt = wire.conversation(call.body)
    hits = admit(standin, call, "count")
    used = prompt_usage(prompt)
    chars = sum(len("".join(turn.text.split())) for turn in prompt.turns)
    return await leave(standin, call, hits, answers.counted(used, chars))


async def generate_content(standin: Standin, call: Call) -> Response:
    """Raises: ApiError, ConnectionCutError."""
    prompt = wire.conversation(call.body)
    model = call.model
    if isinstance(model, VideoModel):
        raise invalid(f"{call.model_path} is not supported in the generateContent API.")
    if isinstance(model, ImageModel):
        hits, answer = await _draw(standin, call, model, prompt)
    else:
        hits, answer = await _write(standin, call, model, prompt)
    price = 0 if answer.filtered else model.micros(answer.usage, standin.today)
    n = standin.store.bill(at=standin.today.isoformat(), model=model.id, method=call.method, micros=price)
    if answer.filtered:
        standin.store.settle(n, "filtered")
    return await leave(standin, call, hits, answers.body(answer, model.id, standin.today, n), n)


async def _draw(standin: Standin, call: Call, model: ImageModel, prompt: Conversation) -> tuple[Hits, Answer]:
    wanted = await read_picture_request(model, prompt, call.body, standin.storage)
    hits = admit(standin, call, model.kind)
    latency_s = standin.profile.latency(model.id, model.kind, wanted)
    if answer := refused(hits, prompt, picture=True):
        await asyncio.sleep(latency_s)
        return hits, answer
    loop = asyncio.get_running_loop()
    painting = loop.run_in_executor(standin.workers, paint, wanted.altered(hits))
    picture, _ = await asyncio.gather(painting, asyncio.sleep(latency_s))
    picture_tokens = model.picture_tokens[wanted.size]
    return hits, answers.drawn(
        picture, wanted.mime_type, _usage(prompt, picture=picture_tokens, thoughts=_PICTURE_THOUGHT_TOKENS)
    )


async def _write(standin: Standin, call: Call, model: TextModel, prompt: Conversation) -> tuple[Hits, Answer]:
    answer = _words(model, prompt, call)  # first, because a request that makes no sense is refused before it counts
    for media in prompt.media:
        await _find(media, standin.storage)
    hits = admit(standin, call, model.kind)
    await asyncio.sleep(standin.profile.latency(model.id, model.kind, prompt))
    return hits, refused(hits, prompt, picture=False) or _spoiled(answer, hits)


async def _find(media: Media, storage: Storage) -> None:
    """Raises: ApiError 400 for a gs:// object that is not there: what is judged must exist."""
    if media.uri:
        try:
            await storage.find(media.uri)
        except StorageError as error:
            raise invalid(f"Cannot fetch content from the provided URL {media.uri}: {error}") from error


def prompt_usage(prompt: Conversation) -> Usage:
    chars = len(prompt.system) + sum(len(turn.text) for turn in prompt.turns)
    media = sum(
        {"image": PICTURE_TOKENS, "video": CLIP_TOKENS, "audio": SOUND_TOKENS}.get(m.mime_type.split("/")[0], 0)
        for m in prompt.media
    )
    return Usage(tokens(chars), media)


def tokens(chars: int) -> int:
    return -(-chars // CHARS_PER_TOKEN)


def _usage(prompt: Conversation, *, answer: int = 0, picture: int = 0, thoughts: int = 0) -> Usage:
    asked = prompt_usage(prompt)
    return Usage(asked.prompt_text, asked.prompt_media, answer, picture, thoughts)


def _words(model: TextModel, prompt: Conversation, call: Call) -> Answer:
    """The answer in words. Raises: ApiError 400 for a schema or a limit that makes no sense."""
    config = wire.section(call.body, "generationConfig")
    most_tokens = wire.whole(config, "maxOutputTokens", model.max_output_tokens)
    if not 1 <= most_tokens <= model.max_output_tokens:
        raise invalid(
            f"Unable to submit request because it has a maxOutputTokens value of {most_tokens} but the supported "
            f"range is from 1 (inclusive) to {model.max_output_tokens + 1} (exclusive). Update the value and try again."
        )
    seed, temperature = wire.field(config, "seed"), wire.field(config, "temperature")
    brief = story.Brief.of(prompt, seed, temperature)
    schema = wire.section(config, "responseSchema") or wire.section(config, "responseJsonSchema")
    if schema:
        text = json.dumps(fill.answer(schema, brief), ensure_ascii=False)
    elif wire.field(config, "responseMimeType") == "application/json":
        text = json.dumps({"text": brief.story}, ensure_ascii=False)
    else:
        text = " ".join(story.beats(brief.story, len(story.sentences(brief.story)))[:_PARAGRAPH_SENTENCES])
    finish = "STOP"
    if tokens(len(text)) > most_tokens:
        text, finish = text[: most_tokens * CHARS_PER_TOKEN], "MAX_TOKENS"
    return answers.written(text, _usage(prompt, answer=tokens(len(text)), thoughts=_TEXT_THOUGHT_TOKENS), finish)


def refused(hits: Hits, prompt: Conversation, *, picture: bool) -> Answer | None:
    """What a filter says instead of an answer, if a fault orders one."""
    if (args := hits.get("blocked")) is not None:
        return answers.blocked(str(args.get("reason", "PROHIBITED_CONTENT")), prompt_usage(prompt))
    if (args := hits.get("rai")) is not None:
        codes = ", ".join(map(str, args.get("codes", [56562880])))
        return answers.filtered(codes, prompt_usage(prompt), picture=picture)
    return None


def _spoiled(answer: Answer, hits: Hits) -> Answer:
    """A good answer, cut short where a fault orders it."""
    half = answer.text[: max(1, len(answer.text) // 2)]
    usage = Usage(answer.usage.prompt_text, answer.usage.prompt_media, tokens(len(half)), 0, answer.usage.thoughts)
    if "truncated" in hits:
        return answers.written(half, usage, "MAX_TOKENS")
    if (args := hits.get("malformed_json")) is not None and not args.get("body"):
        return answers.written(half, usage, "STOP")
    return answer
