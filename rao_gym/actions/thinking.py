"""Thinking: what a model writes before and between its actions, which is never carried out.

Like all readers of actions, these functions take time in proportion to the text, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

THINKING_TAGS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)
"""What open reasoning models put around their thinking."""

STOP_STRINGS: Mapping[str, tuple[str, ...]] = {"tools": ("<tool_response>",), "python": ()}
"""By action form, what only the environment writes: a model that writes it has begun to make up the reply.

A server may stop there. Stopping at the end of the first action instead would lose the calls that run beside it.
"""

Action = TypeVar("Action")


def _any_of(strings: tuple[str, ...]) -> str:
    """Return a pattern for any of these strings, in any case of letters."""
    return f"(?i:{'|'.join(map(re.escape, strings))})" if strings else "(?!)"


END_OF_THINKING = _any_of(tuple(closing for _, closing in THINKING_TAGS))
"""Pattern of the tags that end thinking."""

_END_BY_BEGINNING = {opening.lower(): re.compile(_any_of((closing,))) for opening, closing in THINKING_TAGS}


def marks(action: str, stops: tuple[str, ...] = ()) -> re.Pattern[str]:
    """Return the pattern of everything that `actions_of` must look at.

    Args:
        action: Pattern of what begins an action.
        stops: What a model writes only when it makes up a reply.
    """
    begin = _any_of(tuple(opening for opening, _ in THINKING_TAGS))
    parts = f"(?P<begin>{begin})|(?P<end>{END_OF_THINKING})|(?P<stop>{_any_of(stops)})|{action}"
    return re.compile(parts, re.MULTILINE | re.ASCII)


def actions_of(
    text: str, marks: re.Pattern[str], read: Callable[[re.Match[str]], tuple[Action | None, int]]
) -> list[Action]:
    """Return the actions of a reply in order, without those in its thinking and behind a reply that it made up.

    One walk from left to right: tags inside an action are part of it, and actions inside thinking are part of that.
    Thinking that does not end reaches to the end of the text. A tag that ends thinking which the reply did not begin
    makes thinking of all that stands before it, for some chat templates write the opening tag themselves.

    Args:
        text: The reply.
        marks: What `marks` returned for this form of actions.
        read: Reads the action that begins at a match, and says where to go on; the action is None where it is none.
    """
    found: list[Action] = []
    made_up = False
    at = 0
    while mark := marks.search(text, at):
        at = mark.end()
        if mark["begin"]:
            end = _END_BY_BEGINNING[mark["begin"].lower()].search(text, at)
            if end is None:
                break
            at = end.end()
        elif mark["end"]:
            found, made_up = [], False
        elif mark["stop"]:
            made_up = True
        else:
            action, at = read(mark)
            if action is not None and not made_up:
                found.append(action)
    return found
