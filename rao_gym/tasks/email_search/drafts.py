"""What the mails of a generated mailbox tell: drawn with the task, before any of them is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rao_gym.tasks.email_search.statements import ATTRIBUTES, OPEN_POINTS, UNDERTAKINGS
from rao_gym.tasks.long_context.lexicon import ADJECTIVES, NOUNS
from rao_gym.tasks.long_context.prose.dice import Dice
from rao_gym.tasks.long_context.prose.names import FIRST_NAMES, SURNAME_ENDS, SURNAME_STARTS

_FIRST_DAY = date(2021, 1, 1)
_NUM_DAYS = 730
_MAILS_PER_SENDER = 16
_FEWEST_SENDERS = 8
_MAILS_PER_THING = 4
_SUBJECTS = ("{thing}", "Re: {thing}", "About {thing}", "News of {thing}", "{thing}, once more")
_FILLER = (2, 3, 4)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What one mail tells.

    Attributes:
        day: Its day, as YYYY-MM-DD.
        sender: Who writes it.
        subject: Its subject.
        thing: The undertaking that it is about.
        attribute: The attribute that it names.
        value: The value that it states; empty if it leaves that open.
    """

    day: str
    sender: str
    subject: str
    thing: str
    attribute: str
    value: str


def draw_drafts(dice: Dice, number: int) -> tuple[Draft, ...]:
    """Draw mails in the order of their days. About half of them state an attribute, each at most once."""
    senders = _distinct(lambda: _sender(dice), max(_FEWEST_SENDERS, number // _MAILS_PER_SENDER))
    things = _distinct(lambda: _thing(dice), max(2, number // _MAILS_PER_THING))
    names = tuple(ATTRIBUTES)
    stated: set[tuple[str, str]] = set()
    drafts = []
    for offset in sorted(dice.below(_NUM_DAYS) for _ in range(number)):
        thing, attribute = dice.choice(things), dice.choice(names)
        states = dice.below(2) == 0 and (thing, attribute) not in stated
        if states:
            stated.add((thing, attribute))
        subject = dice.choice(_SUBJECTS).format(thing=thing)
        drafts.append(
            Draft(
                day=(_FIRST_DAY + timedelta(days=offset)).isoformat(),
                sender=dice.choice(senders),
                subject=subject[0].upper() + subject[1:],
                thing=thing,
                attribute=attribute,
                value=ATTRIBUTES[attribute].draw(dice) if states else "",
            )
        )
    return tuple(drafts)


def write_body(dice: Dice, draft: Draft, filler: Sequence[str]) -> str:
    """Write a mail: a sentence about its attribute, among others."""
    start = dice.below(len(filler))
    sentences = [filler[(start + place) % len(filler)] for place in range(dice.choice(_FILLER))]
    if draft.value:
        wordings = ATTRIBUTES[draft.attribute].wordings
        said = wordings.write(dice.below(len(wordings.templates)), thing=draft.thing, value=draft.value)
    else:
        said = dice.choice(OPEN_POINTS).format(attribute=draft.attribute, thing=draft.thing)
    sentences.insert(dice.below(len(sentences) + 1), said)
    return " ".join(sentences)


def _distinct(draw: Callable[[], str], number: int) -> list[str]:
    """Return different values."""
    found: dict[str, None] = {}  # a set that keeps its order
    while len(found) < number:
        found[draw()] = None
    return list(found)


def _sender(dice: Dice) -> str:
    """Return somebody's name."""
    return f"{dice.choice(FIRST_NAMES)} {dice.choice(SURNAME_STARTS)}{dice.choice(SURNAME_ENDS)}"


def _thing(dice: Dice) -> str:
    """Return the name of an undertaking, such as "the Amber Lantern workshop"."""
    return f"the {dice.choice(ADJECTIVES).title()} {dice.choice(NOUNS).title()} {dice.choice(UNDERTAKINGS)}"
