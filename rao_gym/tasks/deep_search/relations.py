"""What the pages tell: sorts of entities, the relations between them, and the sentences that state these.

Writing and reading use the same sentences, so that a careful reader finds exactly what was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from rao_gym.tasks.long_context.kinds.wordings import Wordings
from rao_gym.tasks.long_context.prose.vocabulary import phrases


class Sort(StrEnum):
    """What an entity is."""

    PERSON = "person"
    TOWN = "town"
    COMPANY = "company"
    BOOK = "book"


KINDS: Mapping[Sort, tuple[str, ...]] = MappingProxyType(
    {
        Sort.PERSON: phrases(
            """astronomer, baker, beekeeper, botanist, brewer, carpenter, clockmaker, composer, cooper, engraver,
            glazier, hatter, innkeeper, locksmith, mason, midwife, notary, organist, painter, printer, saddler,
            sculptor, surgeon, surveyor, tailor, weaver"""
        ),
        Sort.TOWN: phrases(
            """abbey town, border town, cathedral city, fishing village, fortress town, hill town, island town, market
            town, mill town, mining town, port, river town, spa town, university town"""
        ),
        Sort.COMPANY: phrases(
            """bank, brewery, brickworks, cannery, foundry, glassworks, paper mill, pottery, printing house, railway,
            ropewalk, shipyard, soap works, tannery"""
        ),
        Sort.BOOK: phrases("ballad, comedy, fable, farce, novel, opera, play, romance, saga, satire, tragedy"),
    }
)
"""The kinds of each sort, as mentions and first sentences name them."""

_ENTITY = r"the [^,;.]+"
_YEAR = r"\d{4}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Relation:
    """A function from the entities of one sort to entities of another, or to years.

    Attributes:
        name: Its name in questions, such as ``birthplace``; unique.
        source: Sort of its subjects.
        target: Sort of its values; None for years.
        years: The years that it may give, first and after the last.
        wordings: The sentences that state it.
    """

    name: str
    source: Sort
    target: Sort | None
    years: tuple[int, int]
    wordings: Wordings


def _relation(
    name: str, source: Sort, target: Sort | None, *sentences: str, years: tuple[int, int] = (0, 0)
) -> Relation:
    """Return a relation stated by these sentences."""
    fields = {"subject": ".+?", "object": _ENTITY if target else _YEAR}
    return Relation(name=name, source=source, target=target, years=years, wordings=Wordings(fields, *sentences))


_RELATIONS = (
    _relation(
        "teacher",
        Sort.PERSON,
        Sort.PERSON,
        "{subject} learned the trade from {object}.",
        "It was {object} who taught {subject}.",
        "As a youth {subject} was apprenticed to {object}.",
    ),
    _relation(
        "birthplace",
        Sort.PERSON,
        Sort.TOWN,
        "{subject} was born in {object}.",
        "It was in {object} that {subject} was born.",
        "The birthplace of {subject} was {object}.",
    ),
    _relation(
        "employer",
        Sort.PERSON,
        Sort.COMPANY,
        "{subject} worked for {object}.",
        "For many years {subject} was in the service of {object}.",
    ),
    _relation(
        "favourite book",
        Sort.PERSON,
        Sort.BOOK,
        "{subject} knew {object} by heart, and was fond of no other book.",
        "No book pleased {subject} more than {object}.",
    ),
    _relation(
        "year of birth",
        Sort.PERSON,
        None,
        "The birth of {subject} is dated {object}.",
        "Parish registers enter {subject} as born in {object}.",
        years=(1700, 1790),
    ),
    _relation(
        "mayor",
        Sort.TOWN,
        Sort.PERSON,
        "The mayor of {subject} was {object}.",
        "The people of {subject} chose {object} as their mayor.",
    ),
    _relation(
        "mother town",
        Sort.TOWN,
        Sort.TOWN,
        "{subject} was settled from {object}.",
        "The first families of {subject} came from {object}.",
    ),
    _relation(
        "coal supplier",
        Sort.TOWN,
        Sort.COMPANY,
        "{subject} bought its coal from {object}.",
        "In winter {subject} depended on the coal of {object}.",
    ),
    _relation(
        "year of the charter",
        Sort.TOWN,
        None,
        "{subject} received its charter in {object}.",
        "The charter of {subject} dates from {object}.",
        years=(1200, 1500),
    ),
    _relation(
        "founder",
        Sort.COMPANY,
        Sort.PERSON,
        "{subject} was founded by {object}.",
        "It was {object} who founded {subject}.",
    ),
    _relation(
        "seat",
        Sort.COMPANY,
        Sort.TOWN,
        "{subject} has its seat in {object}.",
        "The offices of {subject} are in {object}.",
    ),
    _relation(
        "main supplier",
        Sort.COMPANY,
        Sort.COMPANY,
        "{subject} gets most of its materials from {object}.",
        "Nobody sells more to {subject} than {object}.",
    ),
    _relation(
        "year of foundation",
        Sort.COMPANY,
        None,
        "{subject} opened its doors in {object}.",
        "The accounts of {subject} begin in {object}.",
        years=(1790, 1850),
    ),
    _relation(
        "author",
        Sort.BOOK,
        Sort.PERSON,
        "{subject} was written by {object}.",
        "It was {object} who wrote {subject}.",
    ),
    _relation(
        "publisher",
        Sort.BOOK,
        Sort.COMPANY,
        "{subject} was published by {object}.",
        "It was {object} that brought out {subject}.",
    ),
    _relation(
        "setting",
        Sort.BOOK,
        Sort.TOWN,
        "{subject} is set in {object}.",
        "The story of {subject} takes place in {object}.",
    ),
    _relation(
        "year of publication",
        Sort.BOOK,
        None,
        "{subject} first appeared in {object}.",
        "The first edition of {subject} is dated {object}.",
        years=(1850, 1900),
    ),
)

RELATIONS: Mapping[str, Relation] = MappingProxyType({relation.name: relation for relation in _RELATIONS})
"""All relations, by name."""

RELATIONS_OF: Mapping[Sort, tuple[Relation, ...]] = MappingProxyType(
    {sort: tuple(relation for relation in _RELATIONS if relation.source is sort) for sort in Sort}
)
"""The relations of each sort of subject."""

INTRODUCTIONS = Wordings(
    {"name": ".+?", "alias": "the .+?", "kind": "[a-z ]+?", "county": "[A-Z][a-z]+"},
    "{name}, also called {alias}, is an entry under {kind} in the records of {county}.",
    "{name}, in {county} better known as {alias}, is remembered as its {kind}.",
)
"""First sentences of pages."""

DENIALS = (
    "Some guidebooks wrongly give {object} as the {relation} of {subject}.",
    "An old dictionary, mistaken in much, names {object} as the {relation} of {subject}.",
)
"""Sentences about things that are not so."""


def read_fact(sentence: str) -> tuple[str, str, str] | None:
    """Return the subject, relation and value that a sentence states; None if it states no fact."""
    for relation in _RELATIONS:
        found = relation.wordings.read(sentence)
        if found:
            return found["subject"], relation.name, found["object"]
    return None
