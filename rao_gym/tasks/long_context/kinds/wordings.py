"""The sentences that tell facts, and how to read them back.

Each kind of fact has a few wordings. Writing and reading use the same templates, so that what a careful reader
finds is exactly what was put in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np


class Wordings:
    """Several sentences that tell the same kind of fact.

    Args:
        fields: A regular expression for each field of the fact.
        templates: The sentences, in `str.format` style.
    """

    def __init__(self, fields: Mapping[str, str], *templates: str) -> None:
        self.templates = templates
        self._patterns = [_pattern(template, fields) for template in templates]

    def draw(self, number: int, rng: np.random.Generator) -> list[int]:
        """Draw one of the sentences for each of `number` facts."""
        drawn: list[int] = rng.integers(0, len(self.templates), number).tolist()
        return drawn

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
