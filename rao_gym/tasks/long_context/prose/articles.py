"""Articles: a title, headings, and sentences about people and places that recur."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import sha256

from rao_gym.tasks.long_context.prose.dice import Dice
from rao_gym.tasks.long_context.prose.names import FIRST_NAMES, SURNAME_ENDS, SURNAME_STARTS, TOWN_ENDS, TOWN_STARTS
from rao_gym.tasks.long_context.prose.topics import GOODS, TOPICS, Topic
from rao_gym.tasks.long_context.prose.vocabulary import (
    ADJECTIVES,
    CLOSINGS,
    FINISHES,
    HEADINGS,
    MATERIALS,
    OPENINGS,
    SENTENCES,
    SLOTS,
    TRADES,
)

NUM_ARTICLES = 4_096
"""Articles of the library, about two million tokens; longer documents repeat them."""

_SECTIONS = (3, 4, 5)
_SENTENCES_PER_SECTION = (5, 6, 7, 8)
_OWN_SHARE = 3  # one sentence in so many is of the topic's own
_FIRST_YEAR, _NUM_YEARS = 1680, 270
_SLOT = re.compile(r"\{(\w+)\}")
_VOWEL_SOUND = re.compile(r"\b([Aa]) (?=[aeioAEIO]|u[lmnprst][^i]|hono|hour)")
_AN_BEFORE_Y_SOUND = re.compile(r"\b([Aa])n (?=use|uni|one\b|once|eu)")


@dataclass(frozen=True)
class Article:
    """One article.

    Attributes:
        title: What it is about.
        lines: The title, headings and sentences, one a line.
        size: Characters of the lines, their ends included.
    """

    title: str
    lines: tuple[str, ...]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        """Count the characters."""
        object.__setattr__(self, "size", sum(map(len, self.lines)) + len(self.lines))


class _Writer:
    """Fills the slots of one article's sentences.

    The people and places of an article are few, so that they recur. A person has a full name when first mentioned and
    the surname afterwards.
    """

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self.topic: Topic = dice.choice(TOPICS)
        self._people = [self._person() for _ in range(4 + dice.below(3))]
        self._introduced: set[str] = set()
        self._in_sentence: set[str] = set()
        self._town, *self._others = (self._place() for _ in range(4))
        self._nouns = dice.shuffled(self.topic.nouns)[:14]
        self.title = ""

    def write(self, sentence: str) -> str:
        """Return a sentence with its slots filled."""
        self._in_sentence.clear()
        return "".join(self._fill(part) if is_slot else part for part, is_slot in _parts_of(sentence))

    def _fill(self, slot: str) -> str:
        """Return what stands in a slot; a capital in its name begins a sentence."""
        name = slot.rstrip("_").lower()
        filler = self._special.get(slot)
        text = filler(self) if filler else self._dice.choice(SLOTS[name])
        return text[0].upper() + text[1:] if slot[0].isupper() else text

    def _person(self) -> str:
        """Return a new person's full name."""
        surname = self._dice.choice(SURNAME_STARTS) + self._dice.choice(SURNAME_ENDS)
        return f"{self._dice.choice(FIRST_NAMES)} {surname}"

    def _place(self) -> str:
        """Return a new place's name."""
        return self._dice.choice(TOWN_STARTS) + self._dice.choice(TOWN_ENDS)

    def _someone(self) -> str:
        """Return one of the article's people whom the sentence has not named."""
        person = self._new(self._people)
        if person in self._introduced:
            return person.split()[1]
        self._introduced.add(person)
        return person

    def _new(self, values: Sequence[str]) -> str:
        """Return one of the values that the sentence does not hold yet, as long as there is one."""
        place = self._dice.below(len(values))
        for _ in values:
            if values[place] not in self._in_sentence:
                break
            place = (place + 1) % len(values)
        self._in_sentence.add(values[place])
        return values[place]

    def _compound(self) -> str:
        """Return an adjective such as `copper-roofed`."""
        return f"{self._dice.choice(MATERIALS)}-{self._dice.choice(FINISHES)}"

    def _title_in_sentence(self) -> str:
        """Return the title as it stands within a sentence."""
        names = (self._town, *self._people, *(person.split()[1] for person in self._people))
        return self.title if self.title.startswith(names) else self.title[0].lower() + self.title[1:]

    _special: dict[str, Callable[[_Writer], str]] = {  # noqa: RUF012  # never changed
        "P": _someone,
        "T": lambda self: self._town,
        "O": lambda self: self._new(self._others),
        "noun": lambda self: self._new(self._nouns),
        "verb": lambda self: self._new(self.topic.verbs),
        "goods": lambda self: self._new(GOODS),
        "adj": lambda self: self._new(ADJECTIVES),
        "trades": lambda self: _plural(self._new(TRADES)),
        "compound": _compound,
        "year": lambda self: str(_FIRST_YEAR + self._dice.below(_NUM_YEARS)),
        "title": lambda self: self._title_in_sentence(),
    }


def _plural(trade: str) -> str:
    """Return the plural of a trade."""
    head, of, rest = trade.partition(" of ")
    for ending, plural in (("man", "men"), ("wife", "wives"), ("ss", "sses")):
        if head.endswith(ending):
            return head.removesuffix(ending) + plural + of + rest
    return f"{head}s{of}{rest}"


@lru_cache(maxsize=NUM_ARTICLES)
def article(number: int) -> Article:
    """Return an article of the library: a function of its number alone, the same on every machine.

    Args:
        number: 0 to `NUM_ARTICLES` - 1.
    """
    dice = Dice(f"article {number}")
    writer = _Writer(dice)
    writer.title = writer.write(dice.choice(writer.topic.titles))
    general, own = dice.shuffled(SENTENCES), dice.shuffled(writer.topic.sentences)
    lines = [writer.title, writer.write(dice.choice(OPENINGS))]
    for heading in dice.shuffled(HEADINGS)[: dice.choice(_SECTIONS)]:
        lines.append(heading)
        for _ in range(dice.choice(_SENTENCES_PER_SECTION)):
            pool = own if own and (not general or dice.below(_OWN_SHARE) == 0) else general
            lines.append(writer.write(pool.pop()))
    lines.append(writer.write(dice.choice(CLOSINGS)))
    lines = _with_articles("\n".join(lines)).split("\n")
    return Article(lines[0], tuple(lines))


@cache
def _parts_of(sentence: str) -> tuple[tuple[str, bool], ...]:
    """Return the parts of a sentence, and whether each is a slot."""
    return tuple((part, place % 2 == 1) for place, part in enumerate(_SLOT.split(sentence)))


def _with_articles(text: str) -> str:
    """Write `an` where it belongs."""
    return _AN_BEFORE_Y_SOUND.sub(r"\1 ", _VOWEL_SOUND.sub(r"\1n ", text))


@lru_cache(maxsize=1)
def edition() -> str:
    """Return a short hash of the first articles: another text of the library has another one.

    Word lists and patterns all shape some of these articles, so that no change of them goes unnoticed.
    """
    text = "\n\n".join("\n".join(article(number).lines) for number in range(64))
    return sha256(text.encode()).hexdigest()[:8]
