"""The schedule: the document doubles, and what is hidden grows to a bound."""

from __future__ import annotations

from rao_gym.tasks.long_context.schedule import scheduled


def test_the_schedule_doubles_the_document_and_bounds_the_rest() -> None:
    assert [scheduled(difficulty).document_tokens for difficulty in (1, 2, 8, 12)] == [1_024, 2_048, 131_072, 2**21]
    assert scheduled(60).document_tokens == 2**25
    assert scheduled(60).num_hops * scheduled(60).num_trails <= 24
    assert scheduled(60).num_words <= 24
    hidden = ("num_keys", "num_values", "num_queries", "num_hops", "num_trails", "num_words", "num_people")
    for easier, harder in ((scheduled(d), scheduled(d + 1)) for d in range(1, 12)):
        assert all(getattr(easier, name) <= getattr(harder, name) for name in hidden)
