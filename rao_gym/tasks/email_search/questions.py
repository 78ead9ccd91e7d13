"""Questions about one statement in one mail, in words and back, with more or fewer clues."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass

from rao_gym.tasks.email_search.drafts import Draft
from rao_gym.tasks.email_search.mailbox import GeneratedMailbox
from rao_gym.tasks.email_search.statements import ATTRIBUTES, MONTHS
from rao_gym.tasks.long_context.kinds.base import squeeze

MAX_VAGUENESS = 3

_HALVES = ("first", "second")
_MAX_GOAL_CHARS = 1_000
_WORDS = re.compile(
    rf"(?:what (?:is|was)|find|tell me|give)? ?the ({'|'.join(map(re.escape, ATTRIBUTES))})"
    r"(?: of (the [\w ]+?))?(?: that ([\w ]+?) wrote about)?(?: in ([\w ]+?))?[?.]?",
    re.IGNORECASE,
)
_MONTH = re.compile(rf"({'|'.join(MONTHS)}) (\d{{4}})", re.IGNORECASE)
_HALF = re.compile(r"the (first|second) half of (\d{4})", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What the value of an attribute is, with clues about the mail that states it.

    Attributes:
        attribute: The attribute.
        thing: The undertaking; empty if the question does not say.
        sender: Who wrote the mail, or only the first name; empty if the question does not say.
        period: When, as a month or half of a year; empty if the question does not say.
    """

    attribute: str
    thing: str = ""
    sender: str = ""
    period: str = ""

    def render(self) -> str:
        """Write the question in words."""
        of = f" of {self.thing}" if self.thing else ""
        by = f" that {self.sender} wrote about" if self.sender else ""
        when = f" in {self.period}" if self.period else ""
        return f"What is the {self.attribute}{of}{by}{when}?"

    @property
    def days(self) -> tuple[str, str]:
        """The first and the last day that the question allows."""
        return days_of(self.period) or ("0001-01-01", "9999-12-31")

    def fits(self, draft: Draft) -> bool:
        """Tell whether a mail states what is asked for."""
        since, until = self.days
        return (
            bool(draft.value)
            and draft.attribute == self.attribute
            and self.thing.casefold() in ("", draft.thing.casefold())
            and fits_name(self.sender, draft.sender)
            and since <= draft.day <= until
        )

    def values(self, mailbox: GeneratedMailbox, first: int, after: int) -> set[str]:
        """Return all right answers that some mails of a mailbox give."""
        since, until = mailbox.between(*self.days)
        return {draft.value for draft in mailbox.drafts[max(first, since) : min(after, until)] if self.fits(draft)}


def fits_name(asked: str, sender: str) -> bool:
    """Tell whether a question's name, in full or the first name alone, may be a sender's."""
    name = sender.casefold()
    return asked.casefold() in ("", name, name.split()[0])


def days_of(period: str) -> tuple[str, str] | None:
    """Return the first and the last day of a period; None if it is none."""
    month, half = _MONTH.fullmatch(period), _HALF.fullmatch(period)
    if month:
        number = [name.casefold() for name in MONTHS].index(month[1].casefold()) + 1
        return _from_month(int(month[2]), number, number)
    if half:
        first = 6 * _HALVES.index(half[1].casefold()) + 1
        return _from_month(int(half[2]), first, first + 5)
    return None


def _from_month(year: int, first: int, last: int) -> tuple[str, str] | None:
    """Return the first and the last day of some months of a year."""
    return (f"{year:04}-{first:02}-01", f"{year:04}-{last:02}-{monthrange(year, last)[1]}") if year else None


def questions_about(draft: Draft, vagueness: int) -> Iterator[Question]:
    """Yield the question about a mail's statement, and after it less vague ones.

    0 names the undertaking, the sender and the month; 1 the undertaking alone; 2 the sender and the month; 3 the
    sender's first name and the half of the year.
    """
    year, month = draft.day[:4], int(draft.day[5:7])
    in_month = f"{MONTHS[month - 1]} {year}"
    in_half = f"the {_HALVES[(month - 1) // 6]} half of {year}"
    clues = (
        {"thing": draft.thing, "sender": draft.sender, "period": in_month},
        {"thing": draft.thing},
        {"sender": draft.sender, "period": in_month},
        {"sender": draft.sender.split()[0], "period": in_half},
    )
    for level in range(vagueness, -1, -1):
        yield Question(attribute=draft.attribute, **clues[level])


def parse_question(text: str) -> Question | None:
    """Read a question as `Question.render` writes it, with some freedom in wording; None if it is none."""
    found = _WORDS.fullmatch(squeeze(text)) if len(text) <= _MAX_GOAL_CHARS else None
    if found is None:
        return None
    attribute, thing, sender, period = (part or "" for part in found.groups())
    if period and days_of(period) is None:
        return None
    return Question(attribute=attribute.casefold(), thing=thing, sender=sender, period=period)
