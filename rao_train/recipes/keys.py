"""The table of every recipe key, made from the dataclasses: ``python -m rao_train.recipes.keys``."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from rao_train.recipes.settings import Recipe

_HEAD = """# Recipe keys

Every key of a recipe, with its type and default. Write a key in a TOML file, or after the recipe's name on the command
line: `rao train arithmetic_tiny learner.learning_rate=3e-4`. `none` stands for no value where the type allows it.
This page is generated from the dataclasses by `python -m rao_train.recipes.keys > docs/recipe_keys.md`.
"""

_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key of a recipe.

    Attributes:
        name: Its full name, such as ``learner.lora.rank``.
        kind: Its type.
        default: Its default, in Markdown; empty where there is none.
        description: What it means.
    """

    name: str
    kind: str
    default: str
    description: str


def recipe_keys() -> list[Key]:
    """Return every key of a recipe, in the order of the dataclasses."""
    return list(_keys(Recipe, ""))


def as_markdown(keys: list[Key]) -> str:
    """Return the page."""
    sections: dict[str, list[Key]] = {}
    for key in keys:
        sections.setdefault(key.name.partition(".")[0] if "." in key.name else "", []).append(key)
    page = [_HEAD]
    for section, rows in sections.items():
        page.append(f"## {section}\n" if section else "## At the top\n")
        page.append("| key | type | default | meaning |\n|---|---|---|---|")
        for row in rows:
            page.append(f"| `{row.name}` | {row.kind} | {row.default or '-'} | {row.description} |")
        page.append("")
    return "\n".join(page).rstrip() + "\n"


def _keys(kind: type[Any], path: str) -> Iterator[Key]:
    """Yield the keys of a dataclass, those of its own dataclasses in place of the field that holds them."""
    hints, described = get_type_hints(kind), _descriptions(kind)
    for field in fields(kind):
        name, hint = f"{path}{field.name}", hints[field.name]
        inner = _dataclass_in(hint)
        if inner is None:
            yield Key(name=name, kind=_kind(hint), default=_default(field), description=described[field.name])
        elif get_origin(hint) is tuple:
            yield from _keys(inner, f"{name}.N.")
        else:
            if type(None) in get_args(hint):
                yield Key(name=name, kind="table or none", default=_default(field), description=described[field.name])
            yield from _keys(inner, f"{name}.")


def _descriptions(kind: type[Any]) -> Mapping[str, str]:
    """Return what a dataclass's docstring says of each attribute."""
    text = inspect.getdoc(kind) or ""
    attributes = text.partition("Attributes:\n")[2]
    return {
        name: " ".join(words.split()).replace("``", "`").replace("|", "\\|")
        for name, words in _ATTRIBUTE.findall(attributes)
    }


def _dataclass_in(hint: Any) -> type[Any] | None:
    """Return the dataclass that a field holds: itself, optionally, or in a tuple."""
    if isinstance(hint, type) and is_dataclass(hint):
        return hint
    if get_origin(hint) in (Union, types.UnionType, tuple):
        return next((inner for inner in map(_dataclass_in, get_args(hint)) if inner), None)
    return None


def _kind(hint: Any) -> str:
    """Return a type in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join("none" if one is type(None) else _kind(one) for one in arguments)
    if origin is tuple:
        return f"list of {_kind(arguments[0])}s"
    if origin is not None and issubclass(origin, Mapping):
        return "table"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return " or ".join(f"`{choice}`" for choice in hint)
    return {bool: "true or false", int: "integer", float: "number", str: "text"}[hint]


def _default(field: Field[Any]) -> str:
    """Return a default in Markdown."""
    if field.default is MISSING and field.default_factory is MISSING:
        return ""
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return "as below" if is_dataclass(default) else f"`{_toml(default)}`"


def _toml(value: Any) -> str:
    """Return a plain value as TOML."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Mapping):
        items = ", ".join(f"{key} = {_toml(item)}" for key, item in value.items())
        return f"{{ {items} }}" if items else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value)


if __name__ == "__main__":
    print(as_markdown(recipe_keys()), end="")
