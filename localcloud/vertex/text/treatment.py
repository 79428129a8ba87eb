"""A treatment of a film idea: what a text model would copy of it, its scenes and spoken lines. Nothing is invented."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.vertex.text import story
from localcloud.vertex.text.story import Brief

_FIELDS = frozenset({"language", "logline", "scenes", "dialogue", "cast"})
_STARTS = (
    re.compile(r"\s*(?:INT|EXT)[. /]\s*\S"),
    re.compile(r"\W*[^\W\d_]+\s?\d{1,2}(?:\s*[:.\uff1a]|\W*\s[\u2013-])"),
    re.compile(r"\s*\d{1,2}[.)]\s+\S"),
)
_LINE = re.compile(r"^\s*(?P<speaker>[^\W\d_][^:\n]{0,30}):\s*[\"“„«「](?P<line>[^\n]+?)[\"”“»」]\s*$", re.MULTILINE)
_SCRIPTS = {"ko": "가-힣", "ja": "ぁ-ヿ", "zh": "一-鿿", "ar": "؀-ۿ", "he": "֐-׿", "hi": "ऀ-ॿ", "ru": "Ѐ-ӿ"}
_WORDS = {
    "de": "der die das und ein eine ist nicht im",
    "fr": "le la les un une et des est dans du",
    "es": "el los una y en las del es su que",
    "it": "il gli una e di che della nel",
    "pt": "o os uma e em do da não na",
    "nl": "de het een en van niet op",
    "pl": "w i na się nie jest do",
    "tr": "bir ve bu için ile",
}
_MOST_NAMES = 12
_PICTURED = re.compile(r"^(character|place|product) ([^:\n]+)(?:: (.+))?$", re.MULTILINE)
_MOST_PROPS = 3
_LIGHTS = ("dawn", "sunrise", "morning", "noon", "afternoon", "sunset", "dusk", "evening", "night", "storm", "fog")


def is_treatment(schema: Mapping[str, Any]) -> bool:
    """Whether an answer by this schema says what an idea asks for."""
    return set(schema.get("properties", {})) >= _FIELDS


def answer(brief: Brief) -> dict[str, Any]:
    """What the idea has of scenes and lines, word for word, and who is in it."""
    idea = brief.story
    sentences = story.sentences(idea)
    return {
        "language": _language(idea),
        "logline": (sentences[0] if sentences else idea)[:300],
        "cast": list(dict.fromkeys(story.names(idea)))[:_MOST_NAMES],
        "places": list(dict.fromkeys(story.place_names(idea)))[:_MOST_NAMES],
        "props": [],
        "scenes": _scenes(idea.splitlines()),
        "dialogue": [{"speaker": found["speaker"].strip(), "line": found["line"]} for found in _LINE.finditer(idea)],
    }


def is_storyboard(schema: Mapping[str, Any]) -> bool:
    """Whether an answer by this schema is a storyboard whose shots name who speaks and whom they show."""
    return "scenes" in schema.get("properties", {}) and "written_scene" in json.dumps(schema)


def follow(board: dict[str, Any], prompt: str) -> None:
    """Give each shot of a storyboard its written scene, its lines, and the names of those that its texts speak of."""
    shots = board["scenes"]
    _show_pictured(board, prompt)
    counted = re.search(r"The idea has (\d+) scenes of its own", prompt)
    own = int(counted[1]) if counted else 0
    spoken = re.search(r"Spoken lines[^\n]*\n(.*?)</treatment>", prompt, re.DOTALL)
    lines = [line.partition(": ") for line in spoken[1].splitlines() if line.strip()] if spoken else []
    _name_props(board, prompt)
    for number, shot in enumerate(shots):
        text = " ".join(value for value in shot.values() if isinstance(value, str))
        shot["characters"] = [one["name"] for one in board.get("characters", []) if one["name"] in text]
        shot["settings"] = [one["name"] for one in board.get("settings", []) if one["name"] in text]
        shot["props"] = [one["name"] for one in board.get("props", []) if one["name"].lower() in text.lower()]
        shot["light"] = next((light for light in _LIGHTS if re.search(rf"(?i)\b{light}\b", text)), "daylight")
        shot["written_scene"] = number * own // len(shots) + 1 if own else None
        here = [line for at, line in enumerate(lines) if at * len(shots) // len(lines) == number]
        shot["dialogue"] = [{"speaker": speaker, "line": line} for speaker, _, line in here]


def _show_pictured(board: dict[str, Any], prompt: str) -> None:
    """Put whom and what there are pictures of into the storyboard, under the names that the prompt gives them."""
    told = re.search(r"<pictures>(.*?)</pictures>", prompt, re.DOTALL)
    for kind, name, looks in _PICTURED.findall(told[1]) if told else ():
        listed = board.get({"character": "characters", "place": "settings"}.get(kind, ""))
        if listed is not None and name not in [one["name"] for one in listed]:
            listed[:] = [{"name": name, "description": looks or f"{name}, as pictured."}, *listed][:_MOST_NAMES]
        for shot in board["scenes"]:
            if name not in shot["description"]:
                shot["description"] = f"{shot['description'].rstrip('. ')}. {name} can be seen."


def _name_props(board: dict[str, Any], prompt: str) -> None:
    """Give a storyboard the things that its idea speaks of more than once; whom it names already is no thing."""
    found = re.search(r"<idea>(.*?)</idea>", prompt, re.DOTALL)
    idea = found[1] if found else ""
    taken = {
        word
        for part in ("characters", "settings")
        for one in board.get(part, [])
        for word in one["name"].lower().split()
    }
    things = [one for one in story.things(idea) if not taken & set(one.lower().split())]
    recurring = [one for one in things if len(re.findall(rf"(?i)\b{re.escape(one)}\b", idea)) > 1]
    board["props"] = [{"name": one, "description": f"the same {one} throughout"} for one in recurring[:_MOST_PROPS]]


def _scenes(lines: Sequence[str]) -> list[str]:
    for start in _STARTS:
        begins = [position for position, line in enumerate(lines) if start.match(line)]
        if len(begins) > 1:
            ends = [*begins[1:], _end(lines, begins)]
            return ["\n".join(lines[begin:end]).strip() for begin, end in zip(begins, ends, strict=True)]
    return []


def _end(lines: Sequence[str], begins: Sequence[int]) -> int:
    """A list of single lines ends at an empty one."""
    if begins[-1] - begins[0] >= len(begins):
        return len(lines)
    after = range(begins[-1], len(lines))
    return next((position for position in after if not lines[position].strip()), len(lines))


def _language(idea: str) -> str:
    for language, letters in _SCRIPTS.items():
        if len(re.findall(f"[{letters}]", idea)) * 4 > len(idea.replace(" ", "")):
            return language
    found = re.findall(r"\w+", idea.lower())
    counts = {language: sum(word in telling.split() for word in found) for language, telling in _WORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] * 10 > len(found) else "en"
