"""Fenced code in what a model wrote; the rules are those of ``docs/actions.md``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rao_gym.actions.thinking import Span, end_of_thinking, without_leading_thinking

PYTHON_LABELS = frozenset({"python", "python3", "py", "py3", "ipython", "ipython3", "repl"})
"""Labels of code blocks that hold Python."""

_OPENING = re.compile(r"(?:[-*+]|\d{1,9}[.)])?[ \t]*(`{3,}|~{3,})[ \t]*([^`\n]*)", re.ASCII)
_OPENING_IN_LINE = re.compile(r"(?<!`)(`{3,})[ \t]*(\w+)[ \t]*$", re.ASCII)


@dataclass(frozen=True)
class _Block:
    """A fenced block: its label in lower case, its lines, whether a fence closes it, and where it stands."""

    label: str
    code: str
    closed: bool
    span: Span


def read_code(text: str, *, truncated: bool = False) -> str | None:
    """Return the Python code of a reply: its fenced blocks, joined; None when it has none.

    Blocks that are labelled as Python count. Where there is none, unlabelled ones do: beside a labelled block they show
    something else, such as an output that the model expects.

    Args:
        text: The reply.
        truncated: Whether it was cut off. An open block at its end lacks its last lines then, and does not count;
            otherwise it does.
    """
    text = without_leading_thinking(text)
    blocks = _blocks(text)
    start = end_of_thinking(text, [block.span for block in blocks])
    usable = [block for block in blocks if block.span[0] >= start and (block.closed or not truncated)]
    for labels in (PYTHON_LABELS, frozenset({""})):
        code = [block.code for block in usable if block.label in labels]
        if code:
            return "\n".join(code)
    return None


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
