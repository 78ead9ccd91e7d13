"""Read fenced code from a model's reply, by the rules in ``docs/actions.md``."""

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
"""Tokens that matter in Python code: strings and comments may hold backticks, and nothing else may."""


@dataclass(frozen=True)
class _Block:
    """A fenced block: its code, whether its label is Python or missing, and whether a fence closes it."""

    code: str
    is_python: bool
    is_unlabelled: bool
    is_closed: bool


def read_code(text: str, *, truncated: bool = False) -> str | None:
    """Return the Python code of a reply: its fenced blocks, joined; None if it has none.

    Blocks labelled as Python count. Unlabelled blocks count only if no block is labelled; next to a labelled block they
    tend to show something else, such as the output that the model expects.

    Args:
        text: The reply.
        truncated: Whether it was cut off. An unclosed block at its end is then incomplete and does not count;
            otherwise it does.
    """
    blocks = actions_of(text, _MARKS, lambda mark: _read_block(text, mark))
    usable = [block for block in blocks if block.is_closed or not truncated]
    labelled = [block.code for block in usable if block.is_python]
    code = labelled or [block.code for block in usable if block.is_unlabelled and block.code.strip()]
    return "\n".join(code) if code else None


def _read_block(text: str, mark: re.Match[str]) -> tuple[_Block | None, int]:
    """Return the block that a fence opens, and where to continue; None if the fence is quoted or in thinking."""
    info = mark["info"]
    if info is None and text[text.rfind("\n", 0, mark.start()) + 1 : mark.start()].lstrip().startswith(">"):
        return None, mark.end()  # in a quotation
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
    # If the fence that ends this block opens another one, the closing fence was forgotten: read it again as an opening.
    forgotten = end["line"] is None and _PYTHON_OPENS.match(text, end.start())
    return block, end.start() if forgotten else end.end()


def _end_of_block(text: str, start: int, fence: str, *, is_code: bool) -> re.Match[str] | None:
    """Return the match that ends a block; None if the block is open.

    A line of at least as many of the same characters closes it; in Python, so does any such run of backticks outside
    strings and comments. If that leaves the block open, its quotes were not Python, and the first such line closes it.
    """
    for pattern in (_TOKEN, _END_OF_OTHER) if is_code else (_END_OF_OTHER,):
        for found in pattern.finditer(text, start):
            groups = found.groupdict()
            run = groups["line"] or groups.get("ticks") or ""
            if found["thought"] or run.startswith(fence):
                return found
    return None


def _dedented(code: str, indent: int) -> str:
    """Return code without the indentation of its fence, up to the indentation of its first line."""
    body = code.lstrip("\r\n") if indent else ""
    indent = min(indent, len(body) - len(body.lstrip(" \t")))
    return re.sub(rf"^[ \t]{{1,{indent}}}", "", code, flags=re.MULTILINE) if indent else code
