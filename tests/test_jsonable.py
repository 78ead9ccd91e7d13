from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.jsonable import check_extent, printable, read_json, to_json_value, write_json

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), inner)
        | st.frozensets(st.integers() | st.text())
    ),
    max_leaves=20,
)


def num_parts(value: Any) -> int:
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return 1 + sum(map(num_parts, parts)) if isinstance(value, dict | list | tuple | frozenset) else 1


def num_levels(value: Any) -> int:
    parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return 1 + max(map(num_levels, parts), default=0) if isinstance(value, dict | list | tuple | frozenset) else 0


@given(plain)
def test_levels_are_counted(value: Any) -> None:
    levels = num_levels(value)
    check_extent([value, value], max_nesting=levels + 1)
    with pytest.raises(ValueError, match=f"at most {levels} levels deep"):
        check_extent([value, value], max_nesting=levels)


@given(plain, st.integers(1, 8))
def test_shared_parts_count_each_time(value: Any, times: int) -> None:
    size = num_parts(value)
    for _ in range(times):
        value, size = [value, value], 2 * size + 1
    allowed = size <= 40
    with nullcontext() if allowed else pytest.raises(ValueError, match="of at most 40 parts"):
        check_extent(value, max_parts=40)


@given(plain)
def test_every_value_survives_a_json_round_trip(value: Any) -> None:
    converted = to_json_value(value)
    text = json.dumps(converted, ensure_ascii=False, allow_nan=False)
    assert json.loads(text.encode()) == converted
    assert to_json_value(converted) == converted


def test_sets_are_sorted_and_keys_become_text() -> None:
    assert to_json_value({3, 1, 2}) == [1, 2, 3]
    assert to_json_value({2: (2, 3), None: float("nan"), True: {"b", "a"}}) == {
        "2": [2, 3],
        "null": "nan",
        "true": ["a", "b"],
    }


def test_cycles_and_deep_nesting_end() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert "nested too deeply" in json.dumps(to_json_value(endless))


def test_integers_that_python_refuses_to_print_become_text() -> None:
    assert to_json_value(10**5000) == "an integer of over 4,000 digits"
    assert to_json_value(10**100) == 10**100


@given(st.text(st.characters(exclude_categories=())))
def test_printable_text_can_be_encoded(text: str) -> None:
    printable(text).encode()


def test_printable_keeps_valid_text_and_replaces_lone_surrogates() -> None:
    assert printable("naïve 𝕏 😀") == "naïve 𝕏 😀"
    assert printable("a\ud800b") == "a\ufffdb"


@given(st.text(st.characters(exclude_categories=())))
def test_written_json_is_one_line_for_every_reader(text: str) -> None:
    written = write_json({"text": text})
    assert written.splitlines() == [written]
    assert read_json(written) == {"text": text}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' * 100_000, "nested too deeply"),
        ("[NaN]", "NaN is not a JSON value"),
        ('{"a": -Infinity}', "-Infinity is not a JSON value"),
        ("[1e400]", "the number 1e400 is too large"),
        ("{", "Expecting property name"),
    ],
)
def test_what_is_no_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_json(text)


def test_not_a_number_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"signal": float("nan")})
