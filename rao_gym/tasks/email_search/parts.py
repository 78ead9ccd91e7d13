"""Parts of an agent's mails, as a launch names them: by their days, or as one of several equal parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rao_gym.errors import shortened
from rao_gym.tasks.base import LaunchRefusedError
from rao_gym.tasks.email_search.mailbox import Mailbox
from rao_gym.tasks.email_search.store import is_day
from rao_gym.tasks.named_parts import bounds_of_part
from rao_gym.tools import Parameter, ToolError

DAYS = (
    Parameter("since", "string", "First day, YYYY-MM-DD.", required=False),
    Parameter("until", "string", "Last day, YYYY-MM-DD.", required=False),
)
"""Parameters that name days; both are included."""

BY_DAYS_OR_PART = (
    *DAYS,
    Parameter("part", "string", "Instead: left, right or k/m, the k-th of m equal parts.", required=False),
)
"""Parameters of a launch that names mails by their days, or by `part`."""

Span = tuple[int, int]
"""The first of some mails, and the one after their last."""


def span_of_days(arguments: Mapping[str, Any], mailbox: Mailbox, span: Span) -> Span:
    """Return which mails of a span are of the days that a call names.

    Raises:
        ToolError: They are no days.
    """
    since, until = (str(arguments.get(name) or "").strip() for name in ("since", "until"))
    for day in (since, until):
        if day and not is_day(day):
            raise ToolError(f"days are written as YYYY-MM-DD, such as 2021-07-31, not {shortened(day)!r}.")
    first, after = mailbox.between(since, until or "9999-12-31")
    first = max(first, span[0])
    return first, max(first, min(after, span[1]))


def named_span(arguments: Mapping[str, Any], mailbox: Mailbox, span: Span) -> Span:
    """Return the part of an agent's mails that a launch names; all of them if it names none.

    Raises:
        LaunchRefusedError: There is no such part, or it has no mails.
    """
    part = arguments.get("part") or None
    names_days = any(arguments.get(parameter.name) for parameter in DAYS)
    if part is not None:
        if names_days:
            raise LaunchRefusedError("name mails by their days, or by part, not by both.")
        first, after = bounds_of_part(part, span[1] - span[0], "mail")
        return span[0] + first, span[0] + after
    try:
        first, after = span_of_days(arguments, mailbox, span)
    except ToolError as error:
        raise LaunchRefusedError(str(error)) from error
    if first == after:
        raise LaunchRefusedError("you have no mails of these days.")
    return first, after


def new_share(part: Span, whole: Span, covered: Sequence[Span]) -> float:
    """Return the share of some mails that are in a part of them and in none of other parts."""
    num_new = part[1] - part[0]
    last = part[0]
    for other in sorted(covered):
        first, after = max(other[0], last), min(other[1], part[1])
        num_new -= max(0, after - first)
        last = max(last, after)
    return num_new / (whole[1] - whole[0])
