"""Expressions, operands and answers, against Python's own arithmetic."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.tasks.arithmetic.answers import number_of, written
from rao_gym.tasks.arithmetic.expressions import (
    MAX_CHARS,
    MAX_DIGITS,
    Expression,
    ExpressionError,
    Number,
    Operation,
    evaluate,
    parse,
    render,
    size,
)
from rao_gym.tasks.arithmetic.operands import SIDES, columns, operand, reducible, split, substitute

numbers = st.integers(0, 10**6).map(str)


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.lists(inner, min_size=2, max_size=6).flatmap(
        lambda parts: st.lists(
            st.sampled_from(["+", "-", "*", "/", " + ", " - "]), min_size=len(parts) - 1, max_size=len(parts) - 1
        ).map(lambda signs: parts[0] + "".join(sign + part for sign, part in zip(signs, parts[1:], strict=True)))
    )
    return joined | joined.map(lambda text: f"({text})") | inner.map(lambda text: f"-{text}")


texts = st.recursive(numbers, _larger, max_leaves=25)


def python_value(text: str) -> Fraction | None:
    """Evaluate with Python itself, every number wrapped as a Fraction."""
    wrapped = re.sub(r"[0-9]+", r"Fraction('\g<0>')", text)
    try:
        value: Fraction = eval(wrapped, {"Fraction": Fraction})
    except ZeroDivisionError:
        return None
    return value


def value_of(text: str, modulus: int | None = None) -> int | Fraction | None:
    try:
        return evaluate(parse(text, modulus), modulus)
    except ExpressionError:
        return None


def shape(expression: Expression) -> Any:
    """Return an expression as nested tuples, which compare equal."""
    if isinstance(expression, Number):
        return expression.value
    return expression.operator, shape(expression.left), shape(expression.right)


@given(texts)
def test_values_are_those_of_python(text: str) -> None:
    assert value_of(text) == python_value(text)


@given(texts.filter(lambda text: "/" not in text), st.sampled_from([2, 13, 97]))
def test_values_modulo_a_prime_are_the_remainders(text: str, modulus: int) -> None:
    expected = python_value(text)
    assert expected is not None
    assert value_of(text, modulus) == expected % modulus


@pytest.mark.parametrize(("text", "value"), [("1/2", 7), ("3/4*4", 3), ("(1/3)*3", 1), ("5-1/5", 10), ("4/2/2", 1)])
def test_division_modulo_a_prime_inverts_multiplication(text: str, value: int) -> None:
    assert value_of(text, 13) == value


@given(texts)
def test_text_that_was_written_reads_back_as_the_same_expression(text: str) -> None:
    expression = parse(text)
    again = parse(render(expression))
    assert render(again) == render(expression)
    assert shape(again) == shape(expression)


@given(texts, st.sampled_from(SIDES))
def test_an_operand_s_value_in_its_place_leaves_the_value_unchanged(text: str, side: str) -> None:
    expression = parse(text)
    value = value_of(text)
    if not isinstance(expression, Operation) or value is None:
        return
    after = substitute(expression, side, evaluate(operand(expression, side)))
    assert evaluate(after) == value
    assert shape(parse(render(after))) == shape(after)


@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        ("(3+8)*2", "3+8", "2"),
        ("3+8*2", "3", "8*2"),
        ("1-2-3+4", "1-2", "3-4"),
        ("1-2-3", "1-2", "3"),
        ("1*2*3*4*5", "1*2*3", "4*5"),
        ("8/2*3*5", "8/2*3", "5"),
        ("-(3+8)*2", "0-(3+8)", "2"),
        ("3/4+1", "3/4", "1"),
    ],
)
def test_operands_of_a_run_are_its_halves(text: str, left: str, right: str) -> None:
    expression = parse(text)
    assert isinstance(expression, Operation)
    assert (render(expression.left), render(expression.right)) == (left, right)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("((3 + 8)) * 2", "(3+8)*2"),
        ("2*-3", "2*(-3)"),
        ("-3*2", "-3*2"),
        ("--3", "3"),
        ("(6/4)+(3/4)", "(6/4)+(3/4)"),
        ("1-(2-3)", "1-(2-3)"),
    ],
)
def test_expressions_are_written_without_spaces(text: str, shown: str) -> None:
    assert render(parse(text)) == shown


@pytest.mark.parametrize("text", ["6/4", "3+4", "(1+2)*3"])
def test_operations_are_not_numbers(text: str) -> None:
    assert isinstance(parse(text), Operation)


@pytest.mark.parametrize("text", ["7", "-7", "(7)", "3/4", "-3/4", "((3/4))"])
def test_a_fraction_in_lowest_terms_is_a_number(text: str) -> None:
    assert isinstance(parse(text), Number)


def test_modulo_a_prime_a_quotient_is_an_operation() -> None:
    assert isinstance(parse("3/4", 13), Operation)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "it ends where a number is expected"),
        ("3+", "it ends where a number is expected"),
        ("(3+4", "a parenthesis is not closed"),
        ("3+4)", "')' at character 4, expected an operator"),
        ("3 4", "'4' at character 2, expected an operator"),
        ("*3", "'*' at character 1, expected a number"),
        ("()", "')' at character 2, expected a number"),
        ("2**3", "'*' at character 3, expected a number"),
        ("2.5+1", "'.' at character 2 is not part of an expression"),
        ("__import__('os')", "'_' at character 1 is not part of an expression"),
        ("٣+4", "'٣' at character 1 is not part of an expression"),
        ("1+" * MAX_CHARS + "1", f"the most allowed is {MAX_CHARS:,}"),
        ("9" * (MAX_DIGITS + 1), f"more than {MAX_DIGITS:,} digits"),
    ],
)
def test_malformed_text_is_explained(text: str, complaint: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(complaint)):
        parse(text)


@given(st.text(alphabet="0123456789+-*/() .x", max_size=40))
def test_whatever_is_read_means_what_it_means_in_python(text: str) -> None:
    try:
        expression = parse(text)
    except ExpressionError:
        return
    assert value_of(render(expression)) == python_value(text.strip())


def test_deep_nesting_needs_no_recursion() -> None:
    depth = 10_000
    text = "(" * depth + "1" + "+1)" * depth
    expression = parse(text)
    assert evaluate(expression) == depth + 1
    assert size(expression) == depth
    assert render(expression) == text[1:-1]


def test_values_too_large_are_refused_before_they_grow() -> None:
    text = "*".join(["9" * MAX_DIGITS] * 10)
    with pytest.raises(ExpressionError, match=r"more than 3,000 digits"):
        evaluate(parse(text))


@given(st.sampled_from("+*"), st.integers(0, 10**12), st.integers(0, 10**12))
def test_partial_results_come_to_the_same_and_are_less_work(operator: str, first: int, second: int) -> None:
    expression = Operation(operator, Number(first), Number(second))
    parts = split(expression)
    work = columns(expression)
    assert work is not None
    assert (parts is None) == (work < 2)
    if parts is not None:
        assert evaluate(parts) == evaluate(expression)
        for side in SIDES:
            part_work = columns(operand(parts, side))
            assert part_work is not None
            assert part_work < work
        sums = Operation("+", Number(evaluate(parts.left)), Number(evaluate(parts.right)))
        assert operator == "*" or columns(sums) in (0, 1)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("4821*37", "(4800*37)+(21*37)"),
        ("37*4821", "(37*4800)+(37*21)"),
        ("37*21", "(37*20)+(37*1)"),
        ("4821+937", "(4820+930)+(1+7)"),
        ("4800*30", "(4000*30)+(800*30)"),
    ],
)
def test_long_numbers_fall_apart(text: str, parts: str) -> None:
    expression = split(parse(text))
    assert expression is not None
    assert render(expression) == parts


@pytest.mark.parametrize("text", ["400*30", "138000+10", "7-3", "5", "(1+2)*34", "-12*34"])
def test_what_does_not_fall_apart(text: str) -> None:
    assert split(parse(text)) is None


def test_a_single_operation_is_reducible() -> None:
    assert reducible(parse("3+8"))
    assert not reducible(parse("3+8+1"))
    assert not reducible(parse("3"))


@given(st.fractions())
def test_a_written_answer_is_read_back(value: Fraction) -> None:
    assert number_of(written(value)) == value
    assert number_of(f" {value} ") == value


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (7, 7),
        (7.0, 7),
        ("+7", 7),
        ("7.00", 7),
        (2.5, Fraction(5, 2)),
        (0.1, Fraction(1, 10)),
        ("2.5", Fraction(5, 2)),
        ("6/8", Fraction(3, 4)),
        ("-3/4", Fraction(-3, 4)),
        ("3 / 4", Fraction(3, 4)),
        ("-6 /8", Fraction(-3, 4)),
        ("(3/4)", Fraction(3, 4)),
        (" ( -3 / 4 ) ", Fraction(-3, 4)),
        ("(7)", 7),
        ("(2.5)", Fraction(5, 2)),
    ],
)
def test_every_accepted_way_to_write_the_same_number_counts(answer: object, value: Fraction) -> None:
    assert number_of(answer) == value


@pytest.mark.parametrize(
    "answer",
    [
        None,
        True,
        "",
        "seven",
        "7 8",
        "1/0",
        "1e9",
        "7/-8",
        "- 7",
        "3 . 5",
        "3 / 0",
        "((7))",
        "-(3/4)",
        "(3)/(4)",
        "(3/4",
        "()",
        "3+4",
        [7],
        {"answer": 7},
        float("nan"),
        float("inf"),
        "1" * (MAX_DIGITS + 1),
        10**MAX_DIGITS,
    ],
)
def test_what_is_no_number(answer: object) -> None:
    assert number_of(answer) is None
