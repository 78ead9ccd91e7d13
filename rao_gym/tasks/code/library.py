"""The source ``stdlib``: functions of the standard library to reimplement, with the library as the oracle.

Splits are made of modules rather than functions, so that no function or helper is in two of them. Only modules that the
sandbox cannot import are included.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

from rao_gym.tasks.code import draws, solutions
from rao_gym.tasks.code.functions import Case, Cases, Function, closure

NUM_EXAMPLES = 3
NUM_HIDDEN = 48
_CASES_SEED = 20_260_101
_NUM_REPEATED = 10
_NUM_DRAWS = 300


@dataclass(frozen=True)
class Entry:
    """A function of the library.

    Attributes:
        path: Its path, as ``module.function``.
        domain: The arguments that it is called with, in words.
        draw: Draws the arguments of a call.
        helpers: Paths of the functions in this module that it builds on.
        keywords: Names of trailing arguments that the library takes by keyword only.
    """

    path: str
    domain: str
    draw: Callable[[np.random.Generator], tuple[Any, ...]]
    helpers: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name that an agent must give it, such as ``textwrap_wrap``."""
        return name_of(self.path)

    @property
    def module(self) -> str:
        """The module that it is from."""
        return self.path.rpartition(".")[0]

    def call(self, arguments: tuple[Any, ...]) -> Any:
        """Call the library; enumerations in its result become integers."""
        num_positional = len(arguments) - len(self.keywords)
        function = getattr(import_module(self.module), self.path.rpartition(".")[2])
        named = dict(zip(self.keywords, arguments[num_positional:], strict=True))
        return plain(function(*arguments[:num_positional], **named))


def plain(value: Any) -> Any:
    """Return a library result without enumerations, which `calendar` returns since Python 3.12."""
    if isinstance(value, IntEnum):
        return int(value)
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value


def name_of(path: str) -> str:
    """Return a function's name from its path: the last part of the module and the function's own name."""
    module, _, function = path.rpartition(".")
    return f"{module.rpartition('.')[2]}_{function}".lower()


_QUOTE = "urllib.parse.quote"
_UNQUOTE_PLUS = "urllib.parse.unquote_plus"
_WORDS = "words of letters, none longer than the width"
_WRAP_RULE = "Runs of spaces are kept within a line, and dropped at its end and where the next line begins"

ENTRIES: dict[str, tuple[Entry, ...]] = {
    "train": (
        Entry("textwrap.dedent", "lines indented by spaces", draws.indented),
        Entry("textwrap.indent", "lines and a prefix", draws.lines_and_prefix),
        Entry("textwrap.wrap", f"{_WORDS}. {_WRAP_RULE}", draws.text_and_width),
        Entry("textwrap.fill", f"{_WORDS}. {_WRAP_RULE}", draws.text_and_width, ("textwrap.wrap",)),
        Entry("textwrap.shorten", "words of letters; width at least 6", draws.text_and_width_of_mark),
        Entry("statistics.fmean", "one or more floats", draws.floats),
        Entry(
            "statistics.mean",
            "one or more integers, or one or more floats. "
            "The mean of integers is an integer where it is a whole number, and a float elsewhere",
            draws.data,
        ),
        Entry("statistics.median", "one or more integers, or one or more floats", draws.data),
        Entry("statistics.median_low", "one or more integers, or one or more floats", draws.data),
        Entry("statistics.median_high", "one or more integers, or one or more floats", draws.data),
        Entry("statistics.multimode", "integers, possibly none", draws.repeated_or_none),
        Entry("statistics.mode", "one or more integers", draws.repeated, ("statistics.multimode",)),
        Entry("statistics.harmonic_mean", "one or more floats greater than 0", draws.positive),
        Entry("statistics.geometric_mean", "one or more floats greater than 0", draws.positive),
        Entry("statistics.pvariance", "one or more integers, or one or more floats", draws.data),
        Entry("statistics.variance", "two or more integers, or two or more floats", draws.two_data),
        Entry("statistics.pstdev", "one or more integers, or floats", draws.data, ("statistics.pvariance",)),
        Entry("statistics.stdev", "two or more integers, or floats", draws.two_data, ("statistics.variance",)),
        Entry("statistics.covariance", "two lists of floats, of one length", draws.pairs, ("statistics.fmean",)),
        Entry("statistics.correlation", "two lists of floats, of one length", draws.pairs, ("statistics.covariance",)),
        Entry(
            "statistics.quantiles",
            "two or more floats; n from 1 to 9. "
            "The method is 'exclusive': of m sorted values, the i-th one (from 1) has the probability i / (m + 1), and "
            "cuts beyond the first or the last value lie on the line through the two values nearest to them",
            draws.floats_and_parts,
            keywords=("n",),
        ),
        Entry("difflib.IS_LINE_JUNK", "a short text", draws.junk_line),
        Entry("operator.countOf", "integers and one integer", draws.items_and_item),
        Entry("operator.indexOf", "integers and one of them", draws.items_and_member),
    ),
    "validation": (
        Entry("calendar.isleap", "a year from 1 on", draws.year),
        Entry("calendar.leapdays", "two years from 1 on, the smaller one first", draws.years),
        Entry("calendar.weekday", "a valid date", draws.date),
        Entry("calendar.monthrange", "a year and a month", draws.month, ("calendar.isleap", "calendar.weekday")),
        Entry("calendar.monthcalendar", "a year and a month", draws.month, ("calendar.monthrange",)),
        Entry("shlex.quote", "any text", draws.shell_word),
        Entry("shlex.join", "a list of texts", draws.shell_words, ("shlex.quote",)),
        Entry("shlex.split", "a shell command with closed quotes", draws.command),
        Entry("string.capwords", "any text", draws.mixed_text),
        Entry("zlib.adler32", "bytes", draws.some_bytes),
        Entry("zlib.crc32", "bytes", draws.some_bytes),
        Entry("xml.sax.saxutils.escape", "any text", draws.markup),
        Entry("xml.sax.saxutils.unescape", "text with the entities of &, < and >", draws.escaped_markup),
        Entry(
            "xml.sax.saxutils.quoteattr",
            "any text. A new line becomes `&#10;`, a carriage return `&#13;` and a tab `&#9;`; the quotes are single "
            "ones where the text has `\"` but no `'`",
            draws.markup,
            ("xml.sax.saxutils.escape",),
        ),
    ),
    "test": (
        Entry(_QUOTE, "any text", draws.web_text),
        Entry("urllib.parse.quote_plus", "any text", draws.web_text, (_QUOTE,)),
        Entry("urllib.parse.unquote", "text with per cent notation, of UTF-8", draws.quoted_text),
        Entry(
            _UNQUOTE_PLUS, "text with plus signs and per cent notation", draws.quoted_text, ("urllib.parse.unquote",)
        ),
        Entry("urllib.parse.urlencode", "a dictionary", draws.query_items, ("urllib.parse.quote_plus",)),
        Entry("urllib.parse.parse_qsl", "the query of an address", draws.query, (_UNQUOTE_PLUS,)),
        Entry("urllib.parse.parse_qs", "the query of an address", draws.query, ("urllib.parse.parse_qsl",)),
        Entry("ntpath.splitdrive", "a path with or without a drive letter", draws.path),
        Entry("ntpath.split", "a path with or without a drive letter", draws.path, ("ntpath.splitdrive",)),
        Entry("ntpath.basename", "a path with or without a drive letter", draws.path, ("ntpath.split",)),
        Entry("ntpath.dirname", "a path with or without a drive letter", draws.path, ("ntpath.split",)),
        Entry("ntpath.splitext", "a path with or without a drive letter", draws.path),
        Entry("heapq.nlargest", "a number and a list of integers", draws.count_and_items),
        Entry("heapq.nsmallest", "a number and a list of integers", draws.count_and_items),
        Entry("html.escape", "any text. `\"` becomes `&quot;` and `'` becomes `&#x27;`", draws.markup),
        Entry("fnmatch.fnmatchcase", "a name and a pattern", draws.name_and_pattern),
        Entry("fnmatch.filter", "names and a pattern", draws.names_and_pattern, ("fnmatch.fnmatchcase",)),
        Entry("email.utils.quote", "any text", draws.mail_text),
        Entry("email.utils.unquote", "any text", draws.mail_text),
        Entry(
            "email.utils.formataddr",
            "a pair of a name and an address, in ASCII. A name with any of the characters "
            '`()<>@,:;".[]\\` is put in double quotes, and each `"` and `\\` in it gets a `\\` in front',
            draws.mail_pair,
        ),
    ),
}
"""The functions of each split."""


@cache
def library_functions(split: str) -> Mapping[str, Function]:
    """Return the functions of a split by name."""
    return {entry.name: _function(entry) for entry in ENTRIES[split]}


@cache
def names_by_size(split: str) -> Sequence[str]:
    """Return the names of a split's functions, by the number of lines of a solution with helpers, shortest first."""
    functions = library_functions(split)

    def size(name: str) -> tuple[int, str]:
        return sum(functions[part].reference.count("\n") for part in closure(functions, [name])), name

    return sorted(functions, key=size)


def _function(entry: Entry) -> Function:
    """Describe one function of the library."""
    solution = getattr(solutions, entry.name)
    documentation = inspect.getdoc(getattr(import_module(entry.module), entry.path.rpartition(".")[2])) or ""
    signature = f"{entry.name}{inspect.signature(solution)}".replace("'", "")
    return Function(
        name=entry.name,
        signature=signature,
        description=f"Does what {entry.path} of Python's standard library does:\n{documentation}\n"
        f"It is called with: {entry.domain}.",
        helpers=tuple(map(name_of, entry.helpers)),
        reference=_own_source(solution),
        draw_cases=partial(_draw_cases, entry),
    )


def _own_source(solution: Callable[..., Any]) -> str:
    """Return a solution's source with its imports, all of which the sandbox supports."""
    source = inspect.getsource(solution)
    imports = [f"import {name}\n" for name in ("math", "re") if f"{name}." in source]
    return "".join(imports) + ("\n\n" if imports else "") + source


def draw_case(entry: Entry, rng: np.random.Generator) -> Case:
    """Draw a call and compute its result with the library."""
    arguments = entry.draw(rng)
    return Case(arguments, entry.call(arguments))


def _draw_cases(entry: Entry) -> Cases:
    """Draw the cases of one function: no call twice, different results first, some results repeated."""
    rng = np.random.default_rng([_CASES_SEED, *entry.path.encode()])
    calls: dict[str, Case] = {}
    results: dict[str, Case] = {}
    for _ in range(_NUM_DRAWS):
        case = draw_case(entry, rng)
        if repr(case.arguments) not in calls:
            calls[repr(case.arguments)] = case
            results.setdefault(repr(case.expected), case)
    different = list(results.values())[: NUM_EXAMPLES + NUM_HIDDEN - _NUM_REPEATED]
    others = [case for case in calls.values() if case not in different]
    cases = [*different, *others][: NUM_EXAMPLES + NUM_HIDDEN]
    return Cases(examples=tuple(cases[:NUM_EXAMPLES]), hidden=tuple(cases[NUM_EXAMPLES:]))
