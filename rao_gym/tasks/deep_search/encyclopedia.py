"""A generated encyclopedia: entities, facts between them, prose pages about them, and an index to search these.

Everything follows from a key by way of a hash, so it is the same on every machine. Facts are drawn when a question
is; pages are written and indexed only once somebody searches them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rao_gym.tasks.deep_search.entities import Entity, draw_entities
from rao_gym.tasks.deep_search.relations import DENIALS, INTRODUCTIONS, RELATIONS, RELATIONS_OF, Relation, Sort
from rao_gym.tasks.long_context.prose import NUM_ARTICLES, article
from rao_gym.tasks.long_context.prose.dice import Dice
from rao_gym.tasks.retrieval import TextIndex

FEWEST_PAGES, MOST_PAGES = 20, 2_000

_ARTICLES = 6  # whose sentences fill the pages of one encyclopedia
_FILLER = (3, 4, 5)
_DENIAL_OF = 2  # one page in so many denies something
_ALIAS_OF = 3  # one mention in so many is by alias
_PARAGRAPH = 4
_BOOST = 2


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        title: Its title.
        sentences: Its text; the first one says what the page is about.
    """

    title: str
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """The title, and the sentences in paragraphs."""
        starts = range(0, len(self.sentences), _PARAGRAPH)
        paragraphs = (" ".join(self.sentences[start : start + _PARAGRAPH]) for start in starts)
        return "\n".join((self.title, *paragraphs))


@dataclass(frozen=True)
class Encyclopedia:
    """The encyclopedia of one task.

    Attributes:
        key: Equal keys and sizes give equal encyclopedias.
        num_pages: Number of pages, one for each entity.
    """

    key: str
    num_pages: int

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without what follows from the key."""
        return type(self), (self.key, self.num_pages)

    @property
    def content(self) -> tuple[str, ...]:
        """The text of all pages: what tasks are compared by, since the facts are only what the pages tell."""
        return self._texts

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        """All entities, by number."""
        return draw_entities(Dice(f"{self.key} entities"), self.num_pages)

    @cached_property
    def facts(self) -> Mapping[tuple[int, str], int]:
        """The number of the entity, or the year, that each entity has for each relation of its sort."""
        dice = Dice(f"{self.key} facts")
        members = {sort: [entity.number for entity in self.entities if entity.sort is sort] for sort in Sort}
        drawn: dict[tuple[int, str], int] = {}
        for relation in RELATIONS.values():
            drawn.update({(subject, relation.name): value for subject, value in _values(dice, relation, members)})
        return drawn

    @cached_property
    def pages(self) -> tuple[Page, ...]:
        """All pages, by the number of their entity."""
        articles = Dice(f"{self.key} articles")
        lines = [line for _ in range(_ARTICLES) for line in article(articles.below(NUM_ARTICLES)).lines[1:]]
        filler = [line for line in lines if line.endswith(".")]
        return tuple(self._page(entity, filler) for entity in self.entities)

    @cached_property
    def index(self) -> TextIndex:
        """The pages, to be searched; what a page is about counts more than what else it says."""
        return TextIndex([" ".join((page.title, *_BOOST * page.sentences[:1], page.text)) for page in self.pages])

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        """The text of each page."""
        return tuple(page.text for page in self.pages)

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Entity, ...]]:
        """Entities by everything that they can be called, in lower case."""
        found: dict[str, tuple[Entity, ...]] = {}
        for entity in self.entities:
            for text in (entity.title, entity.mention, entity.alias, entity.name):
                found[text.casefold()] = (*found.get(text.casefold(), ()), entity)
        return found

    def called(self, text: str) -> tuple[Entity, ...]:
        """Return the entities that a text may name: by title, as a page would, by alias, or by name alone."""
        squeezed = " ".join(text.casefold().split())
        return self._by_name.get(squeezed) or self._by_name.get(f"the {squeezed}", ())

    def page_of(self, title: str) -> Page | None:
        """Return a page by its title; None if there is none."""
        squeezed = " ".join(title.casefold().split())
        found = [entity for entity in self.called(title) if entity.title.casefold() == squeezed]
        return self.pages[found[0].number] if found else None

    def _page(self, entity: Entity, filler: list[str]) -> Page:
        """Write a page: what it is about, then facts among other sentences."""
        dice = Dice(f"{self.key} page {entity.number}")
        start = dice.below(len(filler))
        sentences = [filler[(start + place) % len(filler)] for place in range(dice.choice(_FILLER))]
        for relation in RELATIONS_OF[entity.sort]:
            value = self.facts[entity.number, relation.name]
            said = str(value) if relation.target is None else self._mention(dice, self.entities[value])
            templates = relation.wordings.templates
            sentences.append(relation.wordings.write(dice.below(len(templates)), subject=entity.name, object=said))
        if dice.below(_DENIAL_OF) == 0:
            sentences.append(self._denial(dice, entity))
        first = INTRODUCTIONS.write(
            dice.below(len(INTRODUCTIONS.templates)),
            name=entity.name,
            alias=entity.alias,
            kind=entity.kind,
            county=entity.county,
        )
        return Page(entity.title, (first, *dice.shuffled(sentences)))

    def _denial(self, dice: Dice, entity: Entity) -> str:
        """Return a sentence about a fact that is none."""
        relation = dice.choice([relation for relation in RELATIONS_OF[entity.sort] if relation.target])
        others = [other for other in self.entities if other.sort is relation.target]
        said = self._mention(dice, dice.choice(others))
        return dice.choice(DENIALS).format(object=said, relation=relation.name, subject=entity.name)

    def _mention(self, dice: Dice, entity: Entity) -> str:
        """Return what a page calls an entity."""
        return entity.alias if dice.below(_ALIAS_OF) == 0 else entity.mention


def _values(dice: Dice, relation: Relation, members: Mapping[Sort, list[int]]) -> list[tuple[int, int]]:
    """Return a relation's value for each of its subjects.

    Within one sort, the values follow a circle, so that nobody is the teacher of the own teacher.
    """
    subjects = members[relation.source]
    if relation.target is None:
        first, after = relation.years
        return [(subject, first + dice.below(after - first)) for subject in subjects]
    if relation.target is relation.source:
        circle = dice.shuffled(subjects)
        return list(zip(circle, [*circle[1:], circle[0]], strict=True))
    return [(subject, dice.choice(members[relation.target])) for subject in subjects]
