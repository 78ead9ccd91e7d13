"""The sentences that matter in a document, and how to read them back.

Each kind of fact has a few wordings. Writing and reading use the same templates, so that what a careful reader
finds is exactly what was put in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

DAYS_PER_PERIOD = 10
NUM_PERIODS = 12
NUM_DAYS = DAYS_PER_PERIOD * NUM_PERIODS


class Wordings:
    """Several sentences that tell the same kind of fact.

    Args:
        fields: A regular expression for each field of the fact.
        templates: The sentences, in `str.format` style.
    """

    def __init__(self, fields: Mapping[str, str], *templates: str) -> None:
        self.templates = templates
        self._patterns = [_pattern(template, fields) for template in templates]

    def write(self, which: int, **values: object) -> str:
        """Return the sentence number `which`, filled in."""
        return self.templates[which].format(**values)

    def read(self, line: str) -> dict[str, str] | None:
        """Return the fields of a line that tells such a fact, else None."""
        for pattern in self._patterns:
            match = pattern.fullmatch(line)
            if match:
                return match.groupdict()
        return None


def _pattern(template: str, fields: Mapping[str, str]) -> re.Pattern[str]:
    """Turn a template into the expression that reads it."""
    expression = re.escape(template)
    for name, field in fields.items():
        expression = expression.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{field})")
    return re.compile(expression)


CODES = Wordings(
    {"key": r"[a-z]+ [a-z]+", "code": r"\d+"},
    "The access code of the {key} is {code}.",
    "Remember that the {key} opens with the access code {code}.",
    "For the {key}, someone wrote down the access code {code}.",
)
STEPS = Wordings(
    {"source": r"[A-Z][a-z]+", "target": r"[A-Z][a-z]+"},
    "From {source} the trail goes on to {target}.",
    "The trail that passes {source} leads to {target} next.",
    "After {source}, the next place on the trail is {target}.",
)
WORDS = Wordings({"words": r"[a-z]+(?: [a-z]+)*"}, "Coined words: {words}.")
RECORDS = Wordings(
    {"day": r"\d+", "person": r"[A-Z][a-z]+", "thing": r"[a-z]+(?: [a-z]+)*"},
    "On day {day}, {person} bought {thing} at the market.",
    "{person} asked for {thing} on day {day}.",
    "Day {day}: {person} painted a picture of {thing}.",
    "It was on day {day} that {person} wrote about {thing}.",
)

_ALL = (CODES, STEPS, WORDS, RECORDS)


def is_fact(line: str) -> bool:
    """Tell whether a line reads like a fact; such lines are left out of the haystack."""
    return any(wordings.read(line) is not None for wordings in _ALL)


def period_of(day: int) -> str:
    """Return the name of the ten-day period that a day belongs to, such as ``days 11 to 20``."""
    first = (day - 1) // DAYS_PER_PERIOD * DAYS_PER_PERIOD + 1
    return f"days {first} to {first + DAYS_PER_PERIOD - 1}"
