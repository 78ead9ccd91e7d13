"""Verdicts: the one JSON object that a judge replies with, read strictly.

A judge that was talked into something by the answer it graded tends to break the form first. So nothing is repaired or
searched for: the reply is the object, or it is no verdict.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from rao_gym.actions.thinking import END_OF_THINKING
from rao_gym.errors import shortened

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "score": {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}]},
    },
    "required": ["reason", "score"],
    "additionalProperties": False,
}
"""The JSON schema of a verdict, for servers that can be held to one."""

FORM: Final = (
    'Reply with one JSON object and nothing else: {"reason": "...", "score": ...}. The reason is one or two sentences '
    "of your own; the score is a number from 0 to 1, or null if you cannot tell."
)
"""What judges are told about the form."""

MAX_REASON_CHARS: Final = 2_000

_END_OF_THINKING = re.compile(END_OF_THINKING)
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*)\n```", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a judge says of one answer.

    Attributes:
        score: The signal, in [0, 1]; None if the judge cannot tell.
        reason: Why, in its own words.
    """

    score: float | None
    reason: str


def read_verdict(text: str) -> Verdict:
    """Read a judge's reply.

    Thinking before the object, and one fence around it, are the model's ways of writing and no part of it.

    Raises:
        ValueError: The reply is not a verdict; the message says why.
    """
    thinking = list(_END_OF_THINKING.finditer(text))
    text = text[thinking[-1].end() :].strip() if thinking else text.strip()
    if fenced := _FENCED.fullmatch(text):
        text = fenced[1]
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON ({error.msg} at character {error.pos})") from None
    if not isinstance(document, dict):
        raise ValueError("it is not a JSON object")
    if set(document) != {"reason", "score"}:
        raise ValueError(f"its keys must be reason and score, got {shortened(', '.join(map(str, document)) or 'none')}")
    reason, score = document["reason"], document["score"]
    if not isinstance(reason, str):
        raise ValueError("reason must be text")
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1):
        raise ValueError(f"score must be a number from 0 to 1, or null, got {shortened(json.dumps(score))}")
    return Verdict(score=None if score is None else float(score), reason=reason[:MAX_REASON_CHARS])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, and refuse one that gives a key twice: readers differ in which value they take."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("it gives a key twice")
    return dict(pairs)


def _refuse_constant(name: str) -> NoReturn:
    """Refuse the constants that Python's parser accepts beyond JSON."""
    raise ValueError(f"{name} is not a JSON value")
