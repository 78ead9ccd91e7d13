"""Reading: where the actions are in what a model wrote.

Models think before they act, quote what they talk about, and wrap code in prose. The rules here are those of
``docs/actions.md``; every function takes time in proportion to the text, whatever the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rao_gym.errors import nearest

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

CALL_TAGS = ("<tool_call>", "</tool_call>")
CALL_EXAMPLE = '<tool_call>{"name": "...", "arguments": {...}}</tool_call>'
MAX_BROKEN_CALLS = 64
"""Calls that are not JSON after which the rest of a message is not read."""

_CALL_KEYS = ("name", "arguments")
_MEANT = {
    **dict.fromkeys(("parameters", "args", "kwargs", "input", "inputs"), "arguments"),
    **dict.fromkeys(("function", "tool", "tool_name"), "name"),
}
"""What other formats of calls name the two keys."""

PYTHON_LABELS = frozenset({"python", "python3", "py", "py3", "ipython", "ipython3", "repl"})
"""Labels of code blocks that hold Python."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Call:
    """One tool call as it was written.

    Attributes:
        name: The tool's name.
        arguments: Its arguments.
        error: What is wrong with the call, as the reply to it; empty when nothing is.
    """

    name: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class _Block:
    """A fenced block: its label in lower case, its lines, whether a fence closes it, and where it stands."""

    label: str
    code: str
    closed: bool
    span: Span


def read_calls(text: str) -> list[Call]:
    """Return the tool calls of a reply in order.

    Calls inside its thinking do not count, nor do those that follow a response that the model made up.
    """
    text = _without_leading_thinking(text)
    found = list(_calls(text))
    spans = [span for _, span in found]
    start, end = _end_of_thinking(text, spans), len(text)
    for stop in STOP_STRINGS["tools"]:
        end = min(end, _first_outside(text, stop, spans))
    return [call for call, (first, _) in found if start <= first < end]


def read_code(text: str, *, truncated: bool = False) -> str | None:
    """Return the Python code of a reply: its fenced blocks, joined; None when it has none.

    Blocks that are labelled as Python count. Where there is none, unlabelled ones do: beside a labelled block they show
    something else, such as an output that the model expects.

    Args:
        text: The reply.
        truncated: Whether it was cut off. An open block at its end lacks its last lines then, and does not count;
            otherwise it does.
    """
    text = _without_leading_thinking(text)
    blocks = _blocks(text)
    start = _end_of_thinking(text, [block.span for block in blocks])
    usable = [block for block in blocks if block.span[0] >= start and (block.closed or not truncated)]
    for labels in (PYTHON_LABELS, frozenset({""})):
        code = [block.code for block in usable if block.label in labels]
        if code:
            return "\n".join(code)
    return None


def _without_leading_thinking(text: str) -> str:
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


def _end_of_thinking(text: str, actions: Sequence[Span]) -> int:
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


def _first_outside(text: str, wanted: str, spans: Sequence[Span]) -> int:
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


# Tool calls


def _calls(text: str) -> Iterator[tuple[Call, Span]]:
    """Yield every call, and where it stands.

    The JSON value is decoded first, and the closing tag looked for behind it: an argument may hold the tags. Text that
    is not JSON reaches up to the next closing tag. A message of many broken calls is read up to `MAX_BROKEN_CALLS`.
    """
    opening, closing = CALL_TAGS
    start, tag, num_broken = text.find(opening), 0, 0
    while start >= 0 and num_broken < MAX_BROKEN_CALLS:
        call, end = _decode(text, start + len(opening))
        if 0 <= tag < end:  # looked for again only where the last one found lies behind
            tag = text.find(closing, end)
        following = text.find(opening, end)
        if call.error:
            num_broken += 1
        elif 0 <= following < tag or tag < 0:  # the closing tag is missing, and the next call's is not this one's
            yield call, (start, following if following >= 0 else len(text))
            start = following
            continue
        elif text[end:tag].strip():
            call = Call(error=f"Error: something follows the JSON object of a tool call. Write {CALL_EXAMPLE}")
        stop = len(text) if tag < 0 else tag + len(closing)
        yield call, (start, stop)
        start = text.find(opening, stop)


def _decode(text: str, start: int) -> tuple[Call, int]:
    """Return the call whose JSON begins here, and where the JSON ends; where it begins, if it is none."""
    while start < len(text) and text[start].isspace():
        start += 1
    try:
        document, end = json.JSONDecoder().raw_decode(text, start)
    except ValueError as error:
        said = _shorten(error, start)
        return Call(error=f"Error: the tool call is not valid JSON: {said}. Write {CALL_EXAMPLE}"), start
    except RecursionError:
        return Call(error="Error: the tool call is nested too deeply."), start
    return _call_of(document), end


def _shorten(error: ValueError, body: int) -> str:
    """Return what the JSON decoder says, with the place counted from the beginning of the call."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos - body}"
    return str(error)


def _call_of(document: Any) -> Call:
    """Return a decoded value as a call."""
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        return Call(error=f"Error: a tool call is an object with a name. Write {CALL_EXAMPLE}")
    name: str = document["name"]
    for key in document:
        if key not in _CALL_KEYS:
            hint = _MEANT.get(key) or nearest(key[:80], _CALL_KEYS)
            suggestion = f" Did you mean {hint!r}?" if hint else ""
            return Call(error=f"Error: a tool call has no key {key[:80]!r}.{suggestion} Write {CALL_EXAMPLE}")
    arguments = document.get("arguments", {})
    if not isinstance(arguments, dict):
        return Call(error=f"Error: the arguments of {name[:80]!r} must be an object.")
    return Call(name=name, arguments=arguments)


# Code blocks

_OPENING = re.compile(r"(?:[-*+]|\d{1,9}[.)])?[ \t]*(`{3,}|~{3,})[ \t]*([^`\n]*)", re.ASCII)
_OPENING_IN_LINE = re.compile(r"(?<!`)(`{3,})[ \t]*(\w+)[ \t]*$", re.ASCII)


def _blocks(text: str) -> list[_Block]:
    """Return the fenced blocks of a text, as CommonMark has them, with what models do beside.

    A fence may be indented, as in lists, and may open at the end of a line of prose when it names Python. It closes
    with a line that begins with as many of the same characters, except inside a triple-quoted string of Python.
    """
    lines = _lines_of(text)
    offsets = _offsets(lines)
    blocks: list[_Block] = []
    number = 0
    rest: str | None = None  # of the line that closed the last block
    while number < len(lines):
        line = lines[number] if rest is None else rest
        offset = offsets[number + 1] - len(line)
        rest = None
        fence = _opened(line)
        if fence is None:
            number += 1
            continue
        mark, label, indent = fence
        close = _closing_line(lines, number + 1, mark, label)
        body = lines[number + 1 : len(lines) if close is None else close]
        stop = len(text) if close is None else offsets[close + 1]
        blocks.append(_Block(label, "".join(_dedent(each, indent) for each in body), close is not None, (offset, stop)))
        if close is None:
            break
        number = close
        rest = lines[close].lstrip()[len(mark) :].lstrip("`~")
    return blocks


def _lines_of(text: str) -> list[str]:
    """Return the lines of a text with their ends; only a newline ends a line."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines


def _offsets(lines: Sequence[str]) -> list[int]:
    """Return where each line begins, and where the last one ends."""
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    return offsets


def _opened(line: str) -> tuple[str, str, int] | None:
    """Return the fence that a line opens, its label and its indentation; None when it opens none."""
    bare = line.strip()
    found = _OPENING.fullmatch(bare)
    if found:
        words = found[2].split()
        label = words[0].strip("{}.").lower() if words else ""
        return found[1], label, len(line) - len(line.lstrip()) if bare[0] in "`~" else 0
    found = _OPENING_IN_LINE.search(bare)
    if found and found[2].lower() in PYTHON_LABELS:
        return found[1], found[2].lower(), 0
    return None


def _closing_line(lines: Sequence[str], start: int, mark: str, label: str) -> int | None:
    """Return the line that closes a fence; None when the block is open.

    Inside a triple-quoted string of Python a fence is text. Where that leaves the block open, the quotes were no
    Python, and the first fence closes it.
    """
    first: int | None = None
    quotes = _Quotes()
    is_python = label in PYTHON_LABELS or not label
    for number in range(start, len(lines)):
        bare = lines[number].strip()
        run = len(bare) - len(bare.lstrip(mark[0]))
        if run >= len(mark) and (run == len(bare) or bare[run].isspace()):
            if not (is_python and quotes.open):
                return number
            first = number if first is None else first
        if is_python:
            quotes.read(lines[number])
    return first


class _Quotes:
    """Follows Python code line by line, and knows whether a triple-quoted string is open."""

    _TOKEN = re.compile(r"\\.|\"\"\"|'''|\"|'|#", re.DOTALL)

    def __init__(self) -> None:
        self.open = ""

    def read(self, line: str) -> None:
        """Take the next line."""
        single = ""
        for token in self._TOKEN.findall(line):
            if token[0] == "\\":
                continue
            if self.open:
                self.open = "" if token == self.open else self.open
            elif single:
                if token[0] == single:  # a triple quote closes a string and opens another, which the line's end closes
                    single = ""
            elif token == "#":
                return
            elif len(token) == 3:
                self.open = token
            else:
                single = token


def _dedent(line: str, indent: int) -> str:
    """Return a line without the indentation of its fence, or as much of it as it has."""
    margin = len(line) - len(line.lstrip(" \t"))
    return line[min(indent, margin) :]
