"""The built-in prose: fixed for ever, readable, and varied."""

from __future__ import annotations

import re
from collections import Counter
from itertools import accumulate, takewhile

import numpy as np
import pytest

from rao_gym.tasks.long_context.kinds import is_fact
from rao_gym.tasks.long_context.lexicon import COINED_WORDS, KEYS, PEOPLE, PLACES
from rao_gym.tasks.long_context.prose import NUM_ARTICLES, article, edition
from rao_gym.tasks.long_context.prose.dice import Dice

EDITION = "7fbe2c30"
DRAWN = [0, 3, 1, 7, 8, 3, 9, 2]
SLOT = re.compile(r"[{}_]")


def test_the_edition_is_the_one_that_tasks_were_made_with() -> None:
    assert edition() == EDITION, "another text: every task of the family gets another id"


def test_an_article_is_about_people_and_places_that_recur() -> None:
    for number in range(0, NUM_ARTICLES, 97):
        lines = article(number).lines
        assert lines[0] == article(number).title
        names = Counter(re.findall(r"(?<!^)\b[A-Z][a-z]{3,}\b", "\n".join(lines), re.MULTILINE))
        assert names.most_common(1)[0][1] >= 2, names
        assert sum(count > 1 for count in names.values()) >= 2, names
        assert len(set(lines)) == len(lines)
        assert 20 <= len(lines) <= 50


def test_sentences_are_sentences() -> None:
    for number in range(0, NUM_ARTICLES, 31):
        for line in article(number).lines:
            assert 4 <= len(line) <= 200
            assert line[0].isupper()
            assert not SLOT.search(line)
            assert not re.search(r"\b[Aa] [aeio]|\b[Aa]n [bcdfgjklmnpqrstvwxyz]|  ", line), line
        assert sum(line.endswith((".", "?")) for line in article(number).lines) > 0.7 * len(article(number).lines)


def test_dice_never_change_and_are_even() -> None:
    dice = Dice("key")
    drawn = [dice.below(10) for _ in range(20_000)]
    assert drawn[:8] == DRAWN
    counts = np.bincount(drawn, minlength=10)
    assert counts.min() > 1_800
    assert counts.max() < 2_200
    assert sorted(dice.shuffled(range(50))) == list(range(50))


@pytest.mark.slow
def test_two_million_tokens_hold_twenty_thousand_distinct_words() -> None:
    lines = [line for number in range(NUM_ARTICLES) for line in article(number).lines]
    sizes = accumulate(len(line) + 1 for line in lines)
    text = [line for line, _ in takewhile(lambda pair: pair[1] <= 4 * 2_000_000, zip(lines, sizes, strict=True))]
    assert len(text) < len(lines)
    words = {word for line in text for word in re.findall(r"[a-z]+", line.lower())}
    assert len(words) >= 20_000
    assert len(set(text)) > 0.8 * len(text)


@pytest.mark.slow
def test_the_prose_tells_no_facts_and_names_nothing_that_is_hidden() -> None:
    lines = [line for number in range(NUM_ARTICLES) for line in article(number).lines]
    assert not any(map(is_fact, lines))
    words = {word for line in lines for word in re.findall(r"[A-Za-z]+", line)}
    assert not words & {*PEOPLE, *PLACES, *COINED_WORDS}
    keys = re.compile(rf"\b(?:{'|'.join(KEYS)})\b")
    assert not [line for line in lines if keys.search(line)]
