"""The tiny model's tokenizer: which characters stand apart, and how long that takes to find out."""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from rao_train.models.tiny import build_tokenizer

PLAIN = r"(?<=[-+*(/])[0-9]+|[0-9]+(?=[-+*)/}])|[-+*()]"
"""The same in fewer words; it looks at the rest of a number from each of its digits."""

TOKENIZER: Any = build_tokenizer(['{"answer": (12*7)-3/45}', "a 99 b)"], 300)


def pieces(text: str) -> list[str]:
    """Return the pieces that no token crosses."""
    pattern = json.loads(TOKENIZER.backend_tokenizer.to_str())["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    return split(pattern, text)


def split(pattern: str, text: str) -> list[str]:
    return [piece for piece, _ in pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str(text)]


@given(st.text(st.sampled_from("0123456789-+*()/} a٣"), max_size=40) | st.text(max_size=40))
def test_pieces_are_those_of_the_plain_pattern(text: str) -> None:
    assert pieces(text) == split(PLAIN, text)


def test_operators_and_the_numbers_next_to_them_stand_apart() -> None:
    assert pieces("(12*7)-345 apples, 6 7)") == ["(", "12", "*", "7", ")", "-", "345", " apples, 6 ", "7", ")"]


def test_long_numbers_take_linear_time() -> None:
    text = "9" * 200_000 + " "
    started = perf_counter()
    assert pieces(text) == [text]
    assert perf_counter() - started < 10  # the plain pattern would take minutes
