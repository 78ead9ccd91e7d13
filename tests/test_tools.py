from __future__ import annotations

from typing import Any

import pytest

from rao_gym.tools import Parameter, ToolError, ToolSpec

SPEC = ToolSpec(
    "read",
    "Read lines.",
    (
        Parameter("start", "integer", "First line."),
        Parameter("end", "integer", "Line after the last."),
        Parameter("style", "string", "How.", required=False),
    ),
)


def test_the_schema_is_what_chat_templates_take() -> None:
    assert SPEC.schema() == {
        "type": "function",
        "function": {
            "name": "read",
            "description": "Read lines.",
            "parameters": {
                "type": "object",
                "properties": {
                    "start": {"type": "integer", "description": "First line."},
                    "end": {"type": "integer", "description": "Line after the last."},
                    "style": {"type": "string", "description": "How."},
                },
                "required": ["start", "end"],
            },
        },
    }
    assert SPEC.signature() == "read(start: int, end: int, style: str = None)"


def test_positions_and_names_bind_alike() -> None:
    assert SPEC.bind((1, 2), {}) == SPEC.bind((1,), {"end": 2}) == SPEC.bind((), {"end": 2, "start": 1})
    assert SPEC.bind((1, 2), {"style": None}) == {"start": 1, "end": 2}


@pytest.mark.parametrize(
    ("args", "kwargs", "complaint"),
    [
        ((1, 2, "a", 4), {}, "read takes at most 3 arguments, got 4."),
        ((1,), {}, "read needs 'end'. Use: read(start: int, end: int, style: str = None)."),
        ((1,), {"edn": 2}, "read has no argument 'edn'. Did you mean 'end'?"),
        ((1, 2), {"end": 2}, "read got 'end' twice."),
        (("1", 2), {}, "read: 'start' must be int, got str."),
        ((True, 2), {}, "read: 'start' must be int, got bool."),
    ],
)
def test_calls_that_do_not_fit_are_explained(args: tuple[Any, ...], kwargs: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ToolError) as caught:
        SPEC.bind(args, kwargs)
    assert str(caught.value) == complaint
