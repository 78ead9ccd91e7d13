"""Records: everyday things, each of one category that is never named."""

from __future__ import annotations

import re

from slow_reader import sampled

from rao_gym.tasks.long_context.kinds.records import NUM_DAYS, PERIODS, RecordTable, period_of
from rao_gym.tasks.long_context.lexicon import CATEGORIES, CATEGORY_NAMES, CATEGORY_OF


def test_everyday_words_belong_to_one_category() -> None:
    assert len(CATEGORIES) >= 12
    assert all(len(set(things)) >= 40 for things in CATEGORIES.values())
    assert len(CATEGORY_OF) == sum(len(things) for things in CATEGORIES.values())


def test_records_never_name_the_category() -> None:
    _, task = sampled("aggregate")
    rows = task.context.document.facts[RecordTable].lines
    told = " ".join(task.context.document.lines[line] for line in rows)
    assert not any(re.search(rf"\b{category}\b", told) for category in CATEGORY_NAMES)


def test_every_day_is_in_one_period() -> None:
    periods = [period_of(day) for day in range(1, NUM_DAYS + 1)]
    assert tuple(dict.fromkeys(periods)) == PERIODS
    assert all(periods.count(period) == 10 for period in PERIODS)
    assert (periods[0], periods[9], periods[10]) == ("days 1 to 10", "days 1 to 10", "days 11 to 20")
