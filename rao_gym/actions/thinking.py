"""Thinking: what a model writes before it acts, and other text that is not meant to be carried out.

Like all readers of actions, these functions take time in proportion to the text, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

THINKING_TAGS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
)
"""What open reasoning models put around their thinking."""

STOP_STRINGS: Mapping[str, tuple[str, ...]] = {"tools": ("<tool_response>",), "python": ()}
"""By action form, what only the environment writes: a model that writes it has begun to make up the reply.

A server may stop there. Stopping at the end of the first action instead would lose the calls that run beside it.
"""

Span = tuple[int, int]
"""Where a part of a text begins and ends."""


def without_leading_thinking(text: str) -> str:
    """Return a reply without the thinking that it begins with; nothing is left of thinking that does not end."""
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        tags = next((tags for tags in THINKING_TAGS if text[at : at + len(tags[0])].lower() == tags[0].lower()), None)
        if tags is None:
            return text[at:]
        end = _find_tag(text, tags[1], at)
        if end < 0:
            return ""
        at = end + len(tags[1])


def end_of_thinking(text: str, actions: Sequence[Span]) -> int:
    """Return where thinking ends that began in the prompt, or 0.

    Some chat templates write the opening tag themselves, so that a reply holds only the closing one. A closing tag that
    stands inside an action, in a string of its code or arguments, ends nothing.
    """
    end = 0
    for _, closing in THINKING_TAGS:
        at = _find_tag(text, closing, 0)
        while at >= 0:
            if not _inside(at, actions):
                end = max(end, at + len(closing))
            at = _find_tag(text, closing, at + len(closing))
    return end


def first_outside(text: str, wanted: str, spans: Sequence[Span]) -> int:
    """Return where a text first stands outside the spans; the text's length where it does not."""
    at = text.find(wanted)
    while at >= 0 and _inside(at, spans):
        at = text.find(wanted, at + len(wanted))
    return at if at >= 0 else len(text)


def _inside(at: int, spans: Sequence[Span]) -> bool:
    """Tell whether a place lies in one of the spans, which are in order and do not overlap."""
    low, high = 0, len(spans)
    while low < high:
        middle = (low + high) // 2
        if spans[middle][1] <= at:
            low = middle + 1
        else:
            high = middle
    return low < len(spans) and spans[low][0] < at


def _find_tag(text: str, tag: str, start: int) -> int:
    """Return where a tag stands, in any case of letters; -1 where it does not."""
    found = re.compile(re.escape(tag), re.IGNORECASE).search(text, start)
    return found.start() if found else -1
