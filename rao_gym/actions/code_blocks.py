"""Fenced code in what a model wrote; the rules are those of ``docs/actions.md``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rao_gym.actions.thinking import END_OF_THINKING, actions_of, marks

_PYTHON = r"(?i:i?python|py|repl|tool_code)(?:\d+(?:\.\d+)*)?"
_IS_PYTHON = re.compile(_PYTHON)
_LABEL = re.compile(r"[\s{.]*([\w+#.-]*)")

_FENCE_ON_LINE = (
    r"^(?P<margin>[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*+)(?P<fence>`{3,}(?!`)|~{3,}(?!~))(?P<info>[^`\n]*)$"
)
_FENCE_IN_LINE = rf"(?<!`)(?P<inline>`{{3,}})[ \t]*{_PYTHON}(?![\w.])[^`\n]*$"
_MARKS = marks(f"{_FENCE_ON_LINE}|{_FENCE_IN_LINE}")
_PYTHON_OPENS = re.compile(_FENCE_IN_LINE, re.MULTILINE | re.ASCII)

_CLOSING_LINE = r"^[ \t]*(?P<line>`{3,}|~{3,})[ \t]*\r?$"
_END_OF_OTHER = re.compile(rf"{_CLOSING_LINE}|(?P<thought>{END_OF_THINKING})", re.MULTILINE)
_TOKEN = re.compile(
    r"\\."
    r"|\#[^\n]*"
    r'|"""(?:[^"\\]++|\\.|"(?!""))*+"""'
    r"|'''(?:[^'\\]++|\\.|'(?!''))*+'''"
    r'|"(?:[^"\\\n]++|\\.)*+"?'
    r"|'(?:[^'\\\n]++|\\.)*+'?"
    rf"|{_CLOSING_LINE}|(?P<ticks>`{{3,}})|(?P<thought>{END_OF_THINKING})",
    re.MULTILINE | re.DOTALL,
)
"""What matters where Python is read: its strings and comments hold anything, and backticks are nowhere else."""


@dataclass(frozen=True)
class _Block:
    """A fenced block: its code, whether its label names Python or there is none, and whether a fence closes it."""

    code: str
    is_python: bool
    is_unlabelled: bool
    is_closed: bool


def read_code(text: str, *, truncated: bool = False) -> str | None:
    """Return the Python code of a reply: its fenced blocks, joined; None when it has none.

    Blocks that are labelled as Python count. Where there is none, unlabelled ones do: beside a labelled block they show
    something else, such as an output that the model expects.

    Args:
        text: The reply.
        truncated: Whether it was cut off. An open block at its end lacks its last lines then, and does not count;
            otherwise it does.
    """
    blocks = actions_of(text, _MARKS, lambda mark: _read_block(text, mark))
    usable = [block for block in blocks if block.is_closed or not truncated]
    labelled = [block.code for block in usable if block.is_python]
    code = labelled or [block.code for block in usable if block.is_unlabelled and block.code.strip()]
    return "\n".join(code) if code else None


def _read_block(text: str, mark: re.Match[str]) -> tuple[_Block | None, int]:
    """Return the block that a fence opens, and where to go on; None where the fence is quoted or part of thinking."""
    info = mark["info"]
    if info is None and text[text.rfind("\n", 0, mark.start()) + 1 : mark.start()].lstrip().startswith(">"):
        return None, mark.end()
    found = _LABEL.match(info or "")
    label = found[1] if found else ""
    is_python = info is None or _IS_PYTHON.fullmatch(label) is not None
    is_unlabelled = info is not None and not info.strip()
    start = min(mark.end() + 1, len(text))
    end = _end_of_block(text, start, mark["fence"] or mark["inline"], is_code=is_python or is_unlabelled)
    if end is not None and end["thought"]:
        return None, end.start()
    code = _dedented(text[start : len(text) if end is None else end.start()], len(mark["margin"] or ""))
    block = _Block(code, is_python, is_unlabelled, end is not None)
    if end is None:
        return block, len(text)
    forgotten = end["line"] is None and _PYTHON_OPENS.match(text, end.start())
    return block, end.start() if forgotten else end.end()


def _end_of_block(text: str, start: int, fence: str, *, is_code: bool) -> re.Match[str] | None:
    """Return what ends a block; None when it is open.

    A line of as many of the same characters ends it, and in Python any such run of backticks outside its strings and
    comments. Where that leaves the block open, the quotes were no Python, and the first such line ends it.
    """
    for pattern in (_TOKEN, _END_OF_OTHER) if is_code else (_END_OF_OTHER,):
        for found in pattern.finditer(text, start):
            groups = found.groupdict()
            run = groups["line"] or groups.get("ticks") or ""
            if found["thought"] or run.startswith(fence):
                return found
    return None


def _dedented(code: str, indent: int) -> str:
    """Return code without the indentation of its fence, as far as its first line has it."""
    body = code.lstrip("\r\n") if indent else ""
    indent = min(indent, len(body) - len(body.lstrip(" \t")))
    return re.sub(rf"^[ \t]{{1,{indent}}}", "", code, flags=re.MULTILINE) if indent else code
