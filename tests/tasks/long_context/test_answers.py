"""When two answers are the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rao_gym.jsonable import JSON
from rao_gym.tasks.long_context.answers import as_counts, as_integer, as_items, as_object, canonical, same, same_items

json_values: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1234, "1234"),
        (1234, " 1,234 "),
        (3, 3.0),
        (3, "3.0"),
        (2.5, "2.50"),
        (-4, "-4"),
        ("Amberford", "  amberford. "),
        ("Amberford", '"Amberford"'),
        (None, "unknown"),
        (None, "Not found."),
        (None, []),
        ([7], 7),
        ([1, 2], "[1, 2]"),
        ({"a": 1, "b": 2}, {"B": "2", "a ": 1.0}),
        ({"a": 1, "b": 0, "c": []}, {"a": 1}),
        ({"a": 1}, '{"a": 1}'),
    ],
)
def test_same(first: JSON, second: JSON) -> None:
    assert same(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1234, 1235),
        (1234, "12 34"),
        (1234, "12,34"),
        (True, 1),
        ("a", "b"),
        ([1, 2], [2, 1]),
        ([1, 2], [1, 2, 2]),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1, "A": 1}),
        ({"a": 1}, [["a", 1]]),
        (0, None),
    ],
)
def test_not_same(first: JSON, second: JSON) -> None:
    assert not same(first, second)


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ([1, 2], [1, 2]),
        (1, [1]),
        ("1,234", ["1,234"]),
        ("12, 34", ["12", "34"]),
        ("ana; ben\ncarla", ["ana", "ben", "carla"]),
        ("[1, 2]", [1, 2]),
        ("none", []),
        (None, []),
        ({}, []),
    ],
)
def test_lists_may_be_given_as_text(value: JSON, items: list[JSON]) -> None:
    assert list(as_items(value)) == items


def test_order_of_items_is_free_where_the_question_says_so() -> None:
    assert same_items([1, 2, 3], "3, 1, 2")
    assert not same_items([1, 2, 3], [1, 2])


def test_ill_formed_answers_hold_no_counts() -> None:
    assert as_counts({"a": 1, "b": "2", "c": "many", "d": [1, 2], "e": 1.5}) == {"a": 1, "b": 2}
    assert as_counts("Subagent failed: out_of_turns") == {}
    assert as_integer("Subagent failed: out_of_turns") is None


@given(json_values)
@settings(deadline=None)
def test_every_value_has_a_form_and_equals_itself(value: JSON) -> None:
    assert hash(canonical(value)) == hash(canonical(value))
    assert same(value, value)
    assert same_items(value, value)
    assert isinstance(as_object(value), dict)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 50_000, "[" + "9" * 10_000 + "]", "[NaN, Infinity]", "\ud800"]
)
def test_hostile_text_is_only_text(text: str) -> None:
    assert not same(text, 1)
    assert as_object(text) == {}


def test_deep_values_end() -> None:
    deep: JSON = 1
    for _ in range(5_000):
        deep = [deep, {"a": deep}] if deep == 1 else [deep, 0]
    assert not same(deep, 1)
