from __future__ import annotations

from typing import Any

import pytest
from counting import Counting

from rao_gym import registered_ids
from rao_gym.errors import InvalidValueError, RaoError, UnknownNameError, nearest, unknown_name
from rao_gym.plugins import load_object
from rao_gym.registry import EpisodeSettings, make_setup, setup_of


def test_options_find_their_place() -> None:
    built = setup_of(Counting, max_depth=2, window=1_000, difficulty=3, split="test", actions="tools")
    assert (built.limits.max_depth, built.limits.window, built.limits.max_turns) == (2, 1_000, 25)
    assert (built.settings.difficulty, built.settings.split) == (3, "test")
    runtime = built.runtime()
    assert (runtime.actions, runtime.recursive, runtime.limits) == ("tools", True, built.limits)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"dificulty": 2}, "Unknown option of test/Counting-v0 'dificulty'. Did you mean 'difficulty'?"),
        ({"split": "tests"}, "Unknown split 'tests'. Did you mean 'test'?"),
        ({"difficulty": 0}, "difficulty must be at least 1, got 0."),
        ({"difficulty": None}, "difficulty must be an integer of at least 1, got None."),
        ({"delegation_bonus": -1}, "delegation_bonus must be a number of at least 0, got -1."),
        ({"delegation_bonus": float("inf")}, "delegation_bonus must be a number of at least 0, got inf."),
        ({"delegation_bonus": "x"}, "delegation_bonus must be a number of at least 0, got 'x'."),
        ({"recursive": "no"}, "recursive must be True or False, got 'no'."),
        ({"count_tokens": 5}, "count_tokens must be a function from a text to its number of tokens, got 5."),
        ({"window": "big"}, "window must be an integer or None, got 'big'."),
    ],
)
def test_bad_options_are_named(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RaoError) as caught:
        setup_of(Counting, **options)
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)


def test_an_unknown_id_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'rao/LongContext-v0'"):
        make_setup("rao/LongContxt-v0")


def test_what_cannot_be_imported_is_named() -> None:
    with pytest.raises(InvalidValueError, match=r"Cannot import 'no\.such:Thing'"):
        load_object("no.such:Thing")
    with pytest.raises(InvalidValueError, match="Cannot import 'json:nope'"):
        load_object("json:nope")


def test_ids_are_versioned_and_namespaced() -> None:
    assert "rao/LongContext-v0" in registered_ids()
    ours = [id for id in registered_ids() if id.startswith("rao/")]
    assert all(id.rpartition("-v")[2].isdigit() for id in ours)


def test_nearest_ignores_case_and_gives_up_when_nothing_is_close() -> None:
    assert nearest("TRAIN", ["train", "test"]) == "train"
    assert nearest("zzz", ["train", "test"]) is None
    assert str(unknown_name("split", "zzz", ["train", "test"])) == "Unknown split 'zzz'. Valid: train, test."


def test_settings_are_frozen() -> None:
    with pytest.raises(AttributeError):
        EpisodeSettings().difficulty = 2  # type: ignore[misc]
