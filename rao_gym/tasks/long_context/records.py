"""Records of who named what and when, for the kinds that aggregate over all of them."""

from __future__ import annotations

import numpy as np

from rao_gym.limits import CHARACTERS_PER_TOKEN
from rao_gym.tasks.long_context.documents import Facts, IntArray, RecordTable
from rao_gym.tasks.long_context.facts import NUM_DAYS, RECORDS
from rao_gym.tasks.long_context.kinds.base import Draft, Kind, Question
from rao_gym.tasks.long_context.lexicon import CATEGORIES, CATEGORY_NAMES, PEOPLE
from rao_gym.tasks.long_context.questions.aggregate import PERIODS, CountRecords, Difference, Extreme, Filter, Tally
from rao_gym.tasks.long_context.questions.pairs import EqualPairs
from rao_gym.tasks.long_context.schedule import Schedule

_RECORD_CHARS = 46
_PEOPLE_PER_COUPLE = 5
_NUM_CANDIDATES = 24


def draft_aggregate(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide records of everything by everyone, and ask for a count, a difference or an extreme."""
    num_records = _num_records(schedule)
    people = rng.choice(len(PEOPLE), schedule.num_people, replace=False)
    facts, sentences = _write(
        rng,
        people=rng.choice(people, num_records),
        categories=rng.integers(0, len(CATEGORY_NAMES), num_records),
    )
    names = [PEOPLE[person] for person in people]
    questions = [_draw_question(rng, names) for _ in range(_NUM_CANDIDATES)]
    fallback = CountRecords(Filter(category=str(rng.choice(CATEGORY_NAMES))))
    return Draft(sentences=sentences, facts=facts, questions=[*questions, fallback])


def draft_pairs(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide records in which a few couples share a count of one category, and everyone else's differ.

    Few pairs among many people keep the F1 of answering with all of them low.
    """
    people = rng.choice(len(PEOPLE), schedule.num_people, replace=False)
    num_couples = max(1, len(people) // _PEOPLE_PER_COUPLE)
    num_records = _num_records(schedule)
    first_count = 1 + num_records // (4 * len(people))
    distinct = first_count + np.arange(len(people) - num_couples)
    counts = np.concatenate([distinct, rng.choice(distinct, num_couples, replace=False)])
    category = int(rng.integers(0, len(CATEGORY_NAMES)))
    num_others = max(0, num_records - int(counts.sum()))
    other_categories = np.delete(np.arange(len(CATEGORY_NAMES)), category)
    order = rng.permutation(int(counts.sum()) + num_others)
    facts, sentences = _write(
        rng,
        people=np.concatenate([np.repeat(people, counts), rng.choice(people, num_others)])[order],
        categories=np.concatenate([np.full(int(counts.sum()), category), rng.choice(other_categories, num_others)])[
            order
        ],
    )
    question = EqualPairs(Filter(category=CATEGORY_NAMES[category]))
    return Draft(sentences=sentences, facts=facts, questions=[question])


def _num_records(schedule: Schedule) -> int:
    """Return how many records fill their share of the document."""
    return int(schedule.fact_share * CHARACTERS_PER_TOKEN * schedule.document_tokens) // _RECORD_CHARS


def _write(rng: np.random.Generator, *, people: IntArray, categories: IntArray) -> tuple[Facts, list[str]]:
    """Write a record for each person and category, on a random day, about a random thing of the category.

    Args:
        rng: Draws days, things and wordings.
        people: [records] Indices into `PEOPLE`.
        categories: [records] Indices into `CATEGORY_NAMES`.
    """
    num_records = len(people)
    days = rng.integers(1, NUM_DAYS + 1, num_records)
    num_things = np.array([len(things) for things in CATEGORIES.values()])
    things = rng.integers(0, num_things[categories])
    wordings = np.array(RECORDS.draw(num_records, rng))
    by_category = list(CATEGORIES.values())
    sentences = [
        RECORDS.write(which, day=day, person=PEOPLE[person], thing=by_category[category][thing])
        for which, day, person, category, thing in zip(
            *(column.tolist() for column in (wordings, days, people, categories, things)), strict=True
        )
    ]
    return Facts.of(RecordTable(np.arange(num_records), people, days, categories)), sentences


def _draw_question(rng: np.random.Generator, people: list[str]) -> Question:
    """Draw a question of a random type."""
    categories = [str(name) for name in rng.permutation(CATEGORY_NAMES)]
    person = people[int(rng.integers(len(people)))] if rng.random() < 0.5 else None
    period = PERIODS[int(rng.integers(len(PERIODS)))] if person is None and rng.random() < 0.5 else None
    most = bool(rng.random() < 0.5)
    match int(rng.integers(5)):
        case 0:
            return CountRecords(Filter(categories[0], person, period))
        case 1:
            return Difference(Filter(categories[0], person, period), Filter(categories[1], person, period))
        case 2:
            return Extreme(most, "category", Filter(None, person, period))
        case 3:
            return Extreme(most, "person", Filter(categories[0], None, period))
        case _:
            return Extreme(most, "period", Filter(categories[0], person, None))


_HIDES = "records of who did something with some thing on some day"

AGGREGATE = Kind(
    name="aggregate",
    hides=_HIDES,
    wordings=RECORDS,
    questions=(CountRecords, Difference, Tally, Extreme),
    variants={"": draft_aggregate},
)
PAIRS = Kind(
    name="pairs",
    hides=_HIDES,
    wordings=RECORDS,
    questions=(EqualPairs, Tally),
    variants={"": draft_pairs},
)
