"""Random arguments for library functions, chosen so that all branches and edge cases occur."""

from __future__ import annotations

import calendar
import shlex
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote_plus

from numpy.random import Generator

Arguments = tuple[Any, ...]


def _pick(rng: Generator, choices: Sequence[Any]) -> Any:
    """Return one of the choices."""
    return choices[int(rng.integers(len(choices)))]


def _several(rng: Generator, choices: Sequence[Any], most: int, least: int = 0) -> list[Any]:
    """Return some of the choices, with repetition."""
    return [_pick(rng, choices) for _ in range(int(rng.integers(least, most + 1)))]


def _mix(rng: Generator, pieces: Sequence[str], most: int = 8) -> str:
    """Return some pieces of text, joined."""
    return "".join(_several(rng, pieces, most))


def _words(rng: Generator, most: int, longest: int = 9) -> list[str]:
    """Return words of letters."""
    return ["".join(_several(rng, "abcdefgmnorst", longest, 1)) for _ in range(int(rng.integers(0, most + 1)))]


def indented(rng: Generator) -> Arguments:
    """Draw lines with a common indentation, some of them blank."""
    margin = " " * int(rng.integers(0, 5))
    lines = []
    for word in [*_words(rng, 4), "end"]:
        roll = rng.random()
        lines.append("" if roll < 0.15 else "  " if roll < 0.25 else margin + " " * int(rng.integers(0, 3)) + word)
    return ("\n".join(lines) + _pick(rng, ("", "\n")),)


def lines_and_prefix(rng: Generator) -> Arguments:
    """Draw lines, some of them blank, and a prefix."""
    lines = [_pick(rng, ("", " ", "  ", word, word, word + " " + word)) for word in _words(rng, 5)]
    return "\n".join(lines) + _pick(rng, ("", "\n")), _pick(rng, ("> ", "  ", "#", "-- "))


def text_and_width(rng: Generator) -> Arguments:
    """Draw words and a width that holds each of them."""
    text = _pick(rng, (" ", " ", "  ", "\n")).join(_words(rng, 9, 8)) + _pick(rng, ("", "", " "))
    return text, int(rng.integers(8, 24))


def text_and_width_of_mark(rng: Generator) -> Arguments:
    """Draw words and a width that holds at least the placeholder for omitted text."""
    return _pick(rng, (" ", " ", "  ")).join(_words(rng, 9)), int(rng.integers(6, 40))


def _floats(rng: Generator, least: int, low: float, high: float) -> list[float]:
    """Draw floats with three decimals, some of them repeated."""
    values = [round(float(value), 3) for value in rng.uniform(low, high, size=int(rng.integers(least, 9)))]
    return values + values[: int(rng.integers(0, 2))]


def _integers(rng: Generator, least: int) -> list[int]:
    """Draw integers from a narrow or a wide range."""
    reach = int(_pick(rng, (4, 50, 1000)))
    return [int(value) for value in rng.integers(-reach, reach, size=int(rng.integers(least, 10)))]


def floats(rng: Generator) -> Arguments:
    """Draw one or more floats."""
    return (_floats(rng, 1, -50, 100),)


def positive(rng: Generator) -> Arguments:
    """Draw floats greater than 0."""
    return (_floats(rng, 1, 0.5, 60),)


def data(rng: Generator) -> Arguments:
    """Draw one or more integers, or one or more floats."""
    return (_integers(rng, 1) if rng.random() < 0.5 else _floats(rng, 1, -50, 100),)


def two_data(rng: Generator) -> Arguments:
    """Draw two or more integers, or two or more floats."""
    return (_integers(rng, 2) if rng.random() < 0.5 else _floats(rng, 2, -50, 100),)


def pairs(rng: Generator) -> Arguments:
    """Draw two lists of floats of equal length, neither of them constant."""
    size = int(rng.integers(2, 9))
    first, second = rng.uniform(-20, 60, size=(2, size))
    return [round(float(value), 3) for value in first], [round(float(value), 3) for value in second]


def floats_and_parts(rng: Generator) -> Arguments:
    """Draw floats and a number of intervals."""
    return _floats(rng, 2, -50, 100), int(rng.integers(1, 10))


def repeated(rng: Generator) -> Arguments:
    """Draw one or more integers from a small set."""
    return (_several(rng, (1, 2, 3, 4, 7, -5, 12), 9, 1),)


def repeated_or_none(rng: Generator) -> Arguments:
    """Draw integers from a small set, possibly none."""
    return (_several(rng, (1, 2, 3, 4, 7, -5, 12), 9),)


def items_and_item(rng: Generator) -> Arguments:
    """Draw integers from a small set, and one that may be among them."""
    return _several(rng, (1, 2, 3, 4), 14), int(rng.integers(1, 5))


def items_and_member(rng: Generator) -> Arguments:
    """Draw integers and one of them."""
    items = _several(rng, range(12), 14, 1)
    return items, _pick(rng, items)


def junk_line(rng: Generator) -> Arguments:
    """Draw a short line, most often of spaces and signs."""
    return (_pick(rng, ("", " ", "\t", "  ")) + _pick(rng, ("", "#", "#", "##", "a", "#a")) + _mix(rng, " \t\n", 3),)


def year(rng: Generator) -> Arguments:
    """Draw a year; every other one is divisible by 100."""
    return (int(rng.integers(1, 40)) * 100 if rng.random() < 0.4 else int(rng.integers(1, 4000)),)


def years(rng: Generator) -> Arguments:
    """Draw two years in order."""
    first, second = year(rng)[0], year(rng)[0]
    return min(first, second), max(first, second)


def month(rng: Generator) -> Arguments:
    """Draw a year and a month, February more often than others."""
    return year(rng)[0], 2 if rng.random() < 0.25 else int(rng.integers(1, 13))


def date(rng: Generator) -> Arguments:
    """Draw a valid date."""
    chosen = month(rng)
    return *chosen, int(rng.integers(1, calendar.monthrange(*chosen)[1] + 1))


_SHELL_PIECES = ("a", "file", "x y", "'", '"', "$HOME", "-l", "\\", "", "é", "a_b", "k=1", "/tmp", ";", "%", "@", "9")


def shell_word(rng: Generator) -> Arguments:
    """Draw a word that may need quotes."""
    return (_mix(rng, _SHELL_PIECES, 4),)


def shell_words(rng: Generator) -> Arguments:
    """Draw words that may need quotes."""
    return ([_mix(rng, _SHELL_PIECES, 2) for _ in range(int(rng.integers(0, 5)))],)


def command(rng: Generator) -> Arguments:
    """Draw a command whose quotes are closed."""
    pieces = ("ls", " ", " ", "  ", "'a b'", '"c d"', "''", '"x\\"y"', '"p\\q"', "\\ ", "\\'", "e", "\t", '"it\'s"')
    return (_pick(rng, ("", " ")) + _mix(rng, pieces),) if rng.random() < 0.8 else (shlex.join(_words(rng, 4)),)


def mixed_text(rng: Generator) -> Arguments:
    """Draw words in mixed case with uneven spaces."""
    return (_mix(rng, ("the", "Old", "mAN", " ", " ", "  ", "\t", "sea", "o'neil", "3rd", "-"), 9),)


def some_bytes(rng: Generator) -> Arguments:
    """Draw bytes."""
    return (bytes(int(value) for value in rng.integers(0, 256, size=int(rng.integers(0, 14)))),)


def markup(rng: Generator) -> Arguments:
    """Draw text with characters that are special in markup."""
    return (_mix(rng, ("a", "b c", "<", ">", "&", '"', "'", "&amp;", "\n", "\t", "\r", "x")),)


def escaped_markup(rng: Generator) -> Arguments:
    """Draw text with entities, some of them escaped twice."""
    return (_mix(rng, ("a", "&lt;", "&gt;", "&amp;", "&amp;lt;", "&", ";", "lt;", "amp;")),)


def web_text(rng: Generator) -> Arguments:
    """Draw text that must partly be quoted in a URL."""
    return (_mix(rng, ("a", "Z", "7", " ", "/", "é", "€", "~", "_", "-", ".", "&", "=", "+", "%", "?", ":", "\n")),)


def quoted_text(rng: Generator) -> Arguments:
    """Draw percent-encoded text, some of it malformed."""
    whole = ("a", "b", "+", "%20", "%C3%A9", "%e2%82%ac", "%2F", "%25", "%2b", "é", "=")
    return (_mix(rng, whole if rng.random() < 0.7 else (*whole, "%", "%zz", "%4")),)


def query_items(rng: Generator) -> Arguments:
    """Draw the parameters of a query string."""
    keys = [_mix(rng, ("k", "a b", "é", "/", "&"), 3) for _ in range(int(rng.integers(0, 4)))]
    return ({key: int(rng.integers(0, 99)) if rng.random() < 0.4 else web_text(rng)[0] for key in keys},)


def query(rng: Generator) -> Arguments:
    """Draw a query string, with empty values and parts without a value."""
    parts = []
    for _ in range(int(rng.integers(0, 5))):
        key, value = _pick(rng, ("a", "b", "a+b", "k%20")), quote_plus(web_text(rng)[0])
        parts.append(_pick(rng, (f"{key}={value}", f"{key}={value}", f"{key}=", key, f"{key}=1=2", "")))
    return ("&".join(parts),)


def path(rng: Generator) -> Arguments:
    """Draw a path with backslashes, slashes and dots, but no network share."""
    rest = _mix(rng, ("dir", "a.txt", ".", "..", "x.tar.gz", "\\", "/", "\\", "b c", ".rc", "n"), 7)
    start = _pick(rng, ("", "C:", "d:", "C:\\"))
    return (start + (rest.lstrip("\\/") if start in ("", "C:\\") else rest),)


def count_and_items(rng: Generator) -> Arguments:
    """Draw a number, possibly 0 or too large, and integers."""
    return int(rng.integers(0, 8)), _integers(rng, 0)


def _pattern(rng: Generator) -> str:
    """Draw a glob pattern."""
    return _mix(rng, ("*", "?", "a", "b", ".txt", "[ab]", "[!ab]", "[a-c]", ".", "A"), 5)


def _name(rng: Generator) -> str:
    """Draw a name from a few letters."""
    return _mix(rng, ("a", "b", "c", ".txt", "ab", "A", "."), 5)


def name_and_pattern(rng: Generator) -> Arguments:
    """Draw a name and a pattern, which match more often than by chance."""
    name = _name(rng)
    if rng.random() < 0.5:
        return name, _pattern(rng)
    return name, "".join(_pick(rng, (c, c, "?", "*", "[ab]", "[!ab]")) for c in name)


def names_and_pattern(rng: Generator) -> Arguments:
    """Draw names and a pattern."""
    return [_name(rng) for _ in range(int(rng.integers(0, 9)))], _pattern(rng)


def mail_text(rng: Generator) -> Arguments:
    """Draw text with quotation marks, brackets and backslashes."""
    inner = _mix(rng, ("a", "B c", '"', "\\", "\\\\", '\\"', "<", ">", "@"), 5)
    return (_pick(rng, (inner, inner, f'"{inner}"', f"<{inner}>")),)


def mail_pair(rng: Generator) -> Arguments:
    """Draw a name that may need quotes, and an address."""
    name = _mix(rng, ("Ann", " ", "Lee", ".", ",", '"', "\\", "(x)", "Dr", ";"), 5)
    return ((name, f"{_pick(rng, ('ann', 'lee', 'x.y'))}@{_pick(rng, ('b.org', 'c.net'))}"),)
