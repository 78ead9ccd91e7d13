"""Entities: names that several share, kinds and counties that tell them apart, and aliases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from rao_gym.tasks.deep_search.relations import KINDS, Sort
from rao_gym.tasks.long_context.prose.dice import Dice
from rao_gym.tasks.long_context.prose.names import (
    FIRST_NAMES,
    SURNAME_ENDS,
    SURNAME_STARTS,
    TOWN_ENDS,
    TOWN_STARTS,
    words,
)

COUNTIES = words(
    """Ashshire Brackshire Cornshire Dunshire Eastmark Fenshire Glenshire Highmark Inshire Kelshire Lowmark Marshire
    Northmark Oakshire Pennshire Ridgeshire Southmark Thornshire Umbershire Westmark"""
)
_ALIAS_STARTS = words(
    """Amber Black Blue Brass Bronze Copper Crimson Crooked Early Fair Faithful First Flying Golden Green Grey Hidden
    Hollow Iron Ivory Jade Lame Last Late Little Lonely Lost Lucky Merry Old Pale Proud Quiet Red Restless Royal Rusty
    Scarlet Second Silent Silver Singing Sleeping Stone Stubborn Swift Tall White Wild Young"""
)
_ALIAS_ENDS = words(
    """Anchor Anvil Arrow Badger Beacon Bell Bridge Candle Crane Crown Dolphin Drum Falcon Feather Ferry Fiddle Flame
    Fox Gate Hammer Hare Harp Heron Horn Key Kestrel Lantern Lark Lion Mill Moon Oak Otter Owl Plough Raven Rose Ship
    Spade Spur Stag Star Swan Thistle Tower Violet Well Wheel Whistle Wren"""
)
_TITLE_STARTS = words(
    """Bitter Borrowed Broken Burning Careless Distant Divided Empty Endless Fallen Forgotten Frozen Honest Idle Narrow
    Patient Pledged Sunken Tangled Tidal Unwritten Vanished Veiled Wandering Winter"""
)
_TITLE_ENDS = words(
    """Almanac Bargain Causeway Crossing Daughter Garden Harvest Inheritance Island Journey Letter Mirror Orchard
    Pilgrim Promise Quarrel Ransom Season Shepherd Shore Stranger Summer Teacher Voyage Witness"""
)
_FIRM_ENDS = ("& Sons", "& Daughters", "Brothers", "& Company", "Sisters", "United")

_SHARES: Mapping[Sort, int] = MappingProxyType({Sort.PERSON: 8, Sort.TOWN: 5, Sort.COMPANY: 4, Sort.BOOK: 3})
"""How many of twenty entities are of each sort."""

_NAMESAKES_OF = 3  # one name in so many is that of another entity
_MOST_NAMESAKES = 5


@dataclass(frozen=True, kw_only=True)
class Entity:
    """What a page is about.

    Attributes:
        number: Its number in the encyclopedia.
        sort: What it is.
        name: Its name, which other entities may share.
        kind: Its kind; no namesake has the same one.
        county: Its county; no namesake has the same one.
        alias: Its other name, which is its own.
    """

    number: int
    sort: Sort
    name: str
    kind: str
    county: str
    alias: str

    @property
    def title(self) -> str:
        """The title of its page."""
        return f"{self.name} ({self.county})"

    @property
    def mention(self) -> str:
        """What other pages call it, if not by its alias."""
        return f"the {self.kind} {self.name}"


def draw_entities(dice: Dice, number: int) -> tuple[Entity, ...]:
    """Draw entities of all sorts.

    Args:
        dice: Source of randomness.
        number: How many; at most 2,000, because aliases are distinct.
    """
    sorts = [sort for sort, share in _SHARES.items() for _ in range(share)]
    aliases = _distinct_aliases(dice, number)
    drawn: list[Entity] = []
    names: dict[Sort, list[str]] = {sort: [] for sort in Sort}
    kinds_used: dict[str, set[str]] = {}
    counties_used: dict[str, set[str]] = {}
    for place in range(number):
        sort = sorts[place % len(sorts)]
        name = _name(dice, sort, names[sort])
        kinds, counties = kinds_used.setdefault(name, set()), counties_used.setdefault(name, set())
        kind, county = _unused(dice, KINDS[sort], kinds), _unused(dice, COUNTIES, counties)
        kinds.add(kind)
        counties.add(county)
        names[sort].append(name)
        drawn.append(Entity(number=place, sort=sort, name=name, kind=kind, county=county, alias=aliases[place]))
    return tuple(drawn)


def _name(dice: Dice, sort: Sort, earlier: Sequence[str]) -> str:
    """Return a name: another entity's, if few bear it, or a new one."""
    if earlier and dice.below(_NAMESAKES_OF) == 0:
        name = dice.choice(earlier)
        if earlier.count(name) < _MOST_NAMESAKES:
            return name
    while True:
        name = _NEW_NAME[sort](dice)
        if name not in earlier:
            return name


def _unused(dice: Dice, values: Sequence[str], used: set[str]) -> str:
    """Return one of the values that is not used yet."""
    return dice.choice([value for value in values if value not in used])


def _distinct_aliases(dice: Dice, number: int) -> list[str]:
    """Return different aliases."""
    found: dict[str, None] = {}  # a set that keeps its order
    while len(found) < number:
        found[f"the {dice.choice(_ALIAS_STARTS)} {dice.choice(_ALIAS_ENDS)}"] = None
    return list(found)


def _surname(dice: Dice) -> str:
    """Return a surname."""
    return dice.choice(SURNAME_STARTS) + dice.choice(SURNAME_ENDS)


_NEW_NAME: Mapping[Sort, Callable[[Dice], str]] = MappingProxyType(
    {
        Sort.PERSON: lambda dice: f"{dice.choice(FIRST_NAMES)} {_surname(dice)}",
        Sort.TOWN: lambda dice: dice.choice(TOWN_STARTS) + dice.choice(TOWN_ENDS),
        Sort.COMPANY: lambda dice: f"{_surname(dice)} {dice.choice(_FIRM_ENDS)}",
        Sort.BOOK: lambda dice: f"{dice.choice(_TITLE_STARTS)} {dice.choice(_TITLE_ENDS)}",
    }
)
"""How entities of each sort are named."""
