"""What mails tell: attributes of undertakings, and the sentences that state them or leave them open.

Writing and reading use the same sentences, so that a careful reader finds exactly what was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from rao_gym.tasks.long_context.kinds.wordings import Wordings
from rao_gym.tasks.long_context.prose.dice import Dice
from rao_gym.tasks.long_context.prose.names import words

MONTHS = words("January February March April May June July August September October November December")

UNDERTAKINGS = words("audit concert course excursion exhibition inspection meeting rehearsal seminar workshop")
"""What undertakings are; their names are given to them when they are drawn."""

_HOTELS = words("Anchor Crown Dolphin Globe Heron Lantern Mill Pelican Raven Station Swan Terminus Unicorn Wharf")


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribute:
    """Something that a mail may state about an undertaking.

    Attributes:
        name: Its name in questions, such as ``door code``; unique.
        draw: Draws a value.
        wordings: The sentences that state it.
    """

    name: str
    draw: Callable[[Dice], str]
    wordings: Wordings


def _attribute(name: str, draw: Callable[[Dice], str], value: str, *sentences: str) -> Attribute:
    """Return an attribute whose values match a regular expression."""
    return Attribute(name=name, draw=draw, wordings=Wordings({"thing": "the .+?", "value": value}, *sentences))


_ATTRIBUTES = (
    _attribute(
        "room",
        lambda dice: f"{'ABCDEFGH'[dice.below(8)]}-{100 + dice.below(900)}",
        r"[A-H]-\d{3}",
        "We have the room {value} for {thing}.",
        "Please note that the room of {thing} will be {value}.",
    ),
    _attribute(
        "price",
        lambda dice: str(1_000 + dice.below(9_000)),
        r"\d{4}",
        "The price of {thing} came to {value} crowns in the end.",
        "They want {value} crowns for {thing}, and I accepted that price.",
    ),
    _attribute(
        "door code",
        lambda dice: str(100_000 + dice.below(900_000)),
        r"\d{6}",
        "The door code for {thing} is {value}.",
        "To get into {thing}, enter the door code {value}.",
    ),
    _attribute(
        "deadline",
        lambda dice: f"{1 + dice.below(28)} {dice.choice(MONTHS)}",
        r"\d{1,2} [A-Z][a-z]+",
        "The deadline for {thing} has moved to {value}.",
        "Remember the deadline of {thing}, which is {value}.",
    ),
    _attribute(
        "telephone number",
        lambda dice: f"555-{1_000 + dice.below(9_000)}",
        r"555-\d{4}",
        "The telephone number of {thing} is now {value}.",
        "If anything goes wrong with {thing}, the telephone number to call is {value}.",
    ),
    _attribute(
        "departure time",
        lambda dice: f"{5 + dice.below(18)}:{dice.below(60):02}",
        r"\d{1,2}:\d{2}",
        "The departure time for {thing} is {value} sharp.",
        "I have changed the departure time of {thing} to {value}.",
    ),
    _attribute(
        "hotel",
        lambda dice: f"{dice.choice(_HOTELS)} {('House', 'Inn', 'Lodge', 'Rooms')[dice.below(4)]}",
        r"[A-Z][a-z]+ (?:House|Inn|Lodge|Rooms)",
        "The hotel for {thing} is the {value}.",
        "Everybody who comes to {thing} stays in the same hotel, the {value}.",
    ),
)

ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType({attribute.name: attribute for attribute in _ATTRIBUTES})
"""All attributes, by name."""

OPEN_POINTS = (
    "The {attribute} of {thing} is still open.",
    "Does anybody know the {attribute} of {thing}?",
    "I will write again once the {attribute} of {thing} is settled.",
)
"""Sentences that name an attribute and do not state it."""


def read_statement(sentence: str) -> tuple[str, str, str] | None:
    """Return the attribute, undertaking and value that a sentence states; None if it states none."""
    for attribute in _ATTRIBUTES:
        found = attribute.wordings.read(sentence)
        if found:
            return attribute.name, found["thing"], found["value"]
    return None
