"""The kinds of task: for each, what it hides and what it asks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rao_gym.limits import CHARACTERS_PER_TOKEN
from rao_gym.tasks.long_context.documents import CodeTable, Facts, StepTable, WordTable
from rao_gym.tasks.long_context.drafts import Draft
from rao_gym.tasks.long_context.facts import CODES, STEPS, WORDS, Wordings
from rao_gym.tasks.long_context.lexicon import COINED_WORDS, KEYS, PLACES
from rao_gym.tasks.long_context.questions import CodesOf, FindCodes, TopWords, TrailEnd
from rao_gym.tasks.long_context.records import draft_aggregate, draft_pairs
from rao_gym.tasks.long_context.schedule import Schedule

_CODES_FROM, _CODES_TO = 1_000_000, 10_000_000
_WORDS_PER_LINE = 8
_TOP_MARGINS = (5, 3, 1)
_MAX_SHORTFALL = 3


def draft_single(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide the code of one key."""
    return _draft_codes(rng, num_keys=1, num_values=1, num_queries=1)


def draft_multi_key(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide the codes of many keys, and ask for one."""
    return _draft_codes(rng, num_keys=schedule.num_keys, num_values=1, num_queries=1)


def draft_multi_value(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide several codes of one key, and ask for all."""
    return _draft_codes(rng, num_keys=1, num_values=schedule.num_values, num_queries=1)


def draft_multi_query(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide the codes of many keys, and ask for several."""
    num_keys = max(schedule.num_keys, schedule.num_queries)
    return _draft_codes(rng, num_keys=num_keys, num_values=1, num_queries=schedule.num_queries)


def draft_trace(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide the steps of several trails in no order, and ask where one of them ends."""
    shape = (schedule.num_trails, schedule.num_hops + 1)
    trails = np.array(PLACES, dtype=object)[rng.choice(len(PLACES), shape, replace=False)]
    order = rng.permutation(schedule.num_trails * schedule.num_hops)
    sources, targets = trails[:, :-1].ravel()[order], trails[:, 1:].ravel()[order]
    sentences = [
        STEPS.write(which, source=source, target=target)
        for which, source, target in zip(_wordings(rng, STEPS, len(order)), sources, targets, strict=True)
    ]
    table = StepTable(np.arange(len(order)), sources, targets)
    return Draft(sentences=sentences, facts=Facts.of(table), questions=[TrailEnd(str(trails[0, 0]))])


def draft_frequency(rng: np.random.Generator, schedule: Schedule) -> Draft:
    """Hide coined words that are almost equally common, and ask for the most common ones.

    The margins are a few occurrences, whatever the size, so that no sample gives them away.
    """
    vocabulary = tuple(COINED_WORDS[i] for i in rng.choice(len(COINED_WORDS), schedule.num_words, replace=False))
    line_chars = len(WORDS.write(0, words="")) + _WORDS_PER_LINE * (1 + round(np.mean([*map(len, vocabulary)])))
    num_chars = schedule.fact_share * CHARACTERS_PER_TOKEN * schedule.document_tokens
    usual = max(1, int(num_chars / line_chars) * _WORDS_PER_LINE // schedule.num_words)
    counts = np.maximum(1, usual - rng.integers(0, _MAX_SHORTFALL + 1, schedule.num_words))
    counts[: len(_TOP_MARGINS)] = usual + np.array(_TOP_MARGINS)
    ids = rng.permutation(np.repeat(np.arange(schedule.num_words), counts))
    words = [vocabulary[i] for i in ids.tolist()]
    sentences = [
        WORDS.write(0, words=" ".join(words[first : first + _WORDS_PER_LINE]))
        for first in range(0, len(words), _WORDS_PER_LINE)
    ]
    table = WordTable(np.arange(len(ids)) // _WORDS_PER_LINE, vocabulary, ids)
    return Draft(sentences=sentences, facts=Facts.of(table), questions=[TopWords(len(_TOP_MARGINS))])


DraftFunction = Callable[[np.random.Generator, Schedule], Draft]

KINDS: dict[str, dict[str, DraftFunction]] = {
    "needle": {
        "single": draft_single,
        "multi_key": draft_multi_key,
        "multi_value": draft_multi_value,
        "multi_query": draft_multi_query,
    },
    "trace": {"": draft_trace},
    "frequency": {"": draft_frequency},
    "aggregate": {"": draft_aggregate},
    "pairs": {"": draft_pairs},
}
"""What drafts a task, by kind and variant; most kinds have one variant, without a name."""

MIXED = "mixed"
KIND_NAMES = (MIXED, *KINDS)
VARIANT_NAMES = tuple(KINDS["needle"])


def _draft_codes(rng: np.random.Generator, *, num_keys: int, num_values: int, num_queries: int) -> Draft:
    """Hide `num_values` codes of each of `num_keys` keys, and ask for `num_queries` of the keys."""
    keys = np.array(KEYS, dtype=object)[rng.choice(len(KEYS), num_keys, replace=False)]
    queried = tuple(str(key) for key in keys[:num_queries])
    told = rng.permutation(np.repeat(keys, num_values))
    codes = _CODES_FROM + rng.choice(_CODES_TO - _CODES_FROM, len(told), replace=False)
    sentences = [
        CODES.write(which, key=key, code=code)
        for which, key, code in zip(_wordings(rng, CODES, len(told)), told, codes, strict=True)
    ]
    table = CodeTable(np.arange(len(told)), told, codes)
    question = CodesOf(queried[0]) if num_queries == 1 else FindCodes(queried)
    return Draft(sentences=sentences, facts=Facts.of(table), questions=[question])


def _wordings(rng: np.random.Generator, wordings: Wordings, number: int) -> list[int]:
    """Draw a wording for each of `number` sentences."""
    return [int(which) for which in rng.integers(0, len(wordings.templates), number)]
