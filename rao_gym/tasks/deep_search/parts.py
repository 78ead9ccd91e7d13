"""Parts of an agent's questions, as a launch names them: one question by number, or one of several equal parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rao_gym.errors import nearest, shortened
from rao_gym.tasks.base import LaunchRefusedError
from rao_gym.tasks.deep_search.encyclopedia import Encyclopedia
from rao_gym.tasks.deep_search.questions import Question
from rao_gym.tasks.named_parts import bounds_of_part
from rao_gym.tools import Parameter

BY_QUESTION_OR_PART = (
    Parameter("question", "integer", "Number of one of your questions.", required=False),
    Parameter(
        "part",
        "string",
        "Instead: left, right or k/m, the k-th of m equal parts of your questions, or of the steps of your only one.",
        required=False,
    ),
    Parameter("given", "string", "The earlier answer with which a question or part begins.", required=False),
)
"""Parameters of a launch that names a part instead of writing out a goal."""

PARAMETER_NAMES = tuple(parameter.name for parameter in BY_QUESTION_OR_PART)


def named_piece(own: Question, arguments: Mapping[str, Any], encyclopedia: Encyclopedia) -> Question:
    """Return the part of an agent's question that a launch names.

    Args:
        own: The agent's question.
        arguments: The launch's arguments.
        encyclopedia: What it is about.

    Raises:
        LaunchRefusedError: They name no part of it, or the answer with which that begins is missing.
    """
    first, after = _bounds(own, arguments.get("question"), arguments.get("part") or None)
    given = " ".join((arguments.get("given") or "").split())
    if own.continues(first):
        if not given:
            raise LaunchRefusedError(
                f"{own.unit} {first + 1} begins with the answer to {own.unit} {first}. Pass that answer as given."
            )
        _check_given(given, encyclopedia)
    elif given:
        raise LaunchRefusedError(f"{own.unit} {first + 1} says what it begins with. Leave out given.")
    return own.piece(first, after, given)


def _bounds(own: Question, number: int | None, part: str | None) -> tuple[int, int]:
    """Return the first unit of a part and the one after its last, counted from 0.

    Raises:
        LaunchRefusedError: There is no such part.
    """
    if number is not None and part is not None:
        raise LaunchRefusedError("name a question or a part, not both.")
    if part is not None:
        return bounds_of_part(part, own.num_units, own.unit)
    if number is None:
        raise LaunchRefusedError("say which of your questions: question is missing, or part, such as left or 2/4.")
    if len(own.threads) == 1:
        raise LaunchRefusedError("you have a single question. Name some of its steps by part, such as left.")
    if not 1 <= number <= len(own.threads):
        raise LaunchRefusedError(f"you have questions 1 to {len(own.threads)}, not {shortened(str(number))}.")
    return number - 1, number


def _check_given(given: str, encyclopedia: Encyclopedia) -> None:
    """Check that an answer names exactly one entity.

    Raises:
        LaunchRefusedError: It names none, or several.
    """
    called = encyclopedia.called(given)
    if len(called) == 1:
        return
    if called:
        raise LaunchRefusedError(f"several pages are about {given!r}. Pass the title of one of them as given.")
    hint = nearest(given, [entity.title for entity in encyclopedia.entities])
    suggestion = f" Did you mean {hint!r}?" if hint else ""
    raise LaunchRefusedError(f"no page is about {shortened(given)!r}.{suggestion}")
