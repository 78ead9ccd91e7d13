"""What difficulty means: the size of the document, and how much is hidden in it.

The document doubles with every level; what is hidden grows to a bound, so that every partial answer stays small
enough to combine several of them in a 2,048-token window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rao_gym.errors import InvalidValueError
from rao_gym.tasks.long_context.lexicon import KEYS, PEOPLE

FIRST_DOCUMENT_TOKENS = 1_024

_BOUNDS: dict[str, tuple[int, int]] = {
    "document_tokens": (256, 2**25),
    "num_keys": (1, len(KEYS)),
    "num_values": (1, 32),
    "num_queries": (1, 32),
    "num_hops": (1, 16),
    "num_trails": (1, 16),
    "num_words": (4, 128),
    "num_people": (4, len(PEOPLE)),
    "num_pages": (1, 2**20),
    "page_letters": (2, 1_000),
}


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The parameters of a task; every one is also an option of the family.

    Attributes:
        document_tokens: Tokens of the document, counted as a quarter of its characters.
        num_keys: Keys that have an access code, asked for or not (needle: multi_key, multi_query).
        num_values: Codes of the one key that is asked for (needle: multi_value).
        num_queries: Keys that are asked for (needle: multi_query).
        num_hops: Steps of each trail (trace).
        num_trails: Trails, one of which is asked for (trace).
        num_words: Distinct coined words (frequency).
        num_people: People that records are about (aggregate, pairs).
        num_pages: Pages of the document (pages).
        page_letters: Letters of each page (pages).
        fact_share: Share of the text that are records or coined words (frequency, aggregate, pairs).
    """

    document_tokens: int
    num_keys: int
    num_values: int
    num_queries: int
    num_hops: int
    num_trails: int
    num_words: int
    num_people: int
    num_pages: int
    page_letters: int
    fact_share: float = 0.5

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range or of the wrong type.
        """
        for name, (least, most) in _BOUNDS.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InvalidValueError(f"{name} must be an integer from {least} to {most:,}, got {value!r}.")
        share = self.fact_share
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0.05 <= share <= 0.95:
            raise InvalidValueError(f"fact_share must be a number from 0.05 to 0.95, got {share!r}.")


def scheduled(difficulty: int, **overrides: Any) -> Schedule:
    """Return the parameters of a difficulty.

    Args:
        difficulty: 1 or more; the document has 1,024 · 2^(difficulty - 1) tokens, at most 2^25, or
            2^(difficulty - 1) pages, at most 2^20.
        **overrides: Parameters that replace the scheduled ones.

    Raises:
        InvalidValueError: A parameter is out of range or of the wrong type.
    """
    _, most_tokens = _BOUNDS["document_tokens"]
    _, most_pages = _BOUNDS["num_pages"]
    doublings = min(difficulty - 1, most_tokens.bit_length())
    parameters = {
        "document_tokens": min(FIRST_DOCUMENT_TOKENS * 2**doublings, most_tokens),
        "num_keys": min(4 * 2**doublings, 64),
        "num_values": min(2 + difficulty // 2, 8),
        "num_queries": min(2 + difficulty // 2, 8),
        "num_hops": min(1 + difficulty, 8),
        "num_trails": min(1 + (difficulty + 1) // 2, 3),
        "num_words": min(8 + 2 * difficulty, 24),
        "num_people": min(4 + 2 * difficulty, 20),
        "num_pages": min(2**doublings, most_pages),
        "page_letters": 12,
    }
    return Schedule(**(parameters | overrides))
