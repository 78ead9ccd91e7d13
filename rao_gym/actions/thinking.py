"""Thinking: text that a model writes before and between its actions, and that is never executed.

Like all readers of actions, these functions run in linear time on any text.
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
"""Tags that open reasoning models put around their thinking."""

STOP_STRINGS: Mapping[str, tuple[str, ...]] = {"tools": ("<tool_response>",), "python": ()}
"""By action form, strings that only the environment writes: a model that writes one is making up the reply.

They can serve as a server's stop strings. Stopping at the end of the first action instead would lose parallel calls.
"""

Action = TypeVar("Action")


def _any_of(strings: tuple[str, ...]) -> str:
    """Return a case-insensitive pattern for any of these strings."""
    return f"(?i:{'|'.join(map(re.escape, strings))})" if strings else "(?!)"


END_OF_THINKING = _any_of(tuple(closing for _, closing in THINKING_TAGS))
"""Pattern of the tags that close thinking."""

_END_BY_BEGINNING = {opening.lower(): re.compile(_any_of((closing,))) for opening, closing in THINKING_TAGS}


def marks(action: str, stops: tuple[str, ...] = ()) -> re.Pattern[str]:
    """Return the pattern of everything that `actions_of` has to stop at.

    Args:
        action: Pattern that starts an action.
        stops: Strings that a model writes only when it makes up a reply.
    """
    begin = _any_of(tuple(opening for opening, _ in THINKING_TAGS))
    parts = f"(?P<begin>{begin})|(?P<end>{END_OF_THINKING})|(?P<stop>{_any_of(stops)})|{action}"
    return re.compile(parts, re.MULTILINE | re.ASCII)


def actions_of(
    text: str, marks: re.Pattern[str], read: Callable[[re.Match[str]], tuple[Action | None, int]]
) -> list[Action]:
    """Return the actions of a reply in order, except those in its thinking or after a reply that it made up.

    A single pass from left to right: tags inside an action belong to the action, and actions inside thinking belong to
    the thinking. Unclosed thinking extends to the end of the text. Some chat templates write the opening tag
    themselves, so a closing tag without an opening one makes everything before it thinking.

    Args:
        text: The reply.
        marks: The pattern that `marks` returned for this action form.
        read: Returns the action that starts at a match, or None if there is none, and where to continue.
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
            found, made_up = [], False  # the template wrote the opening tag, so all of this was thinking
        elif mark["stop"]:
            made_up = True
        else:
            action, at = read(mark)
            if action is not None and not made_up:
                found.append(action)
    return found
