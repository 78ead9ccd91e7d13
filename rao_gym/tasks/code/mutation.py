"""Mutants: copies of a function with one small error, such as a careless programmer makes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass

Change = Callable[[ast.AST], Sequence[ast.AST]]
"""Returns the possible replacements of a node; none if the kind does not apply to it."""


@dataclass(frozen=True)
class Mutant:
    """One function with one error.

    Attributes:
        kind: The kind of error, a key of `KINDS`.
        function: The function's name.
        source: The function's source, with the error.
    """

    kind: str
    function: str
    source: str


def mutants(source: str, kinds: Sequence[str], functions: Container[str] | None = None) -> Iterator[Mutant]:
    """Yield every mutant of the given kinds, for all top-level functions of a module or some of them."""
    for function in ast.parse(source).body:
        if isinstance(function, ast.FunctionDef) and (functions is None or function.name in functions):
            yield from _mutants_of(function, kinds)


def _mutants_of(function: ast.FunctionDef, kinds: Sequence[str]) -> Iterator[Mutant]:
    """Yield the mutants of one function, which is changed in place and restored."""
    for parent in list(ast.walk(function)):
        for field, value in list(ast.iter_fields(parent)):
            if field in ("args", "annotation", "returns", "decorator_list") and not isinstance(parent, ast.Call):
                continue
            children = value if isinstance(value, list) else [value]
            for index, child in enumerate(children):
                if not isinstance(child, ast.AST) or _is_docstring(child):
                    continue
                for kind in kinds:
                    for replacement in KINDS[kind](child):
                        _put(parent, field, index, value, replacement)
                        yield Mutant(kind, function.name, ast.unparse(function))
                        _put(parent, field, index, value, child)


def _put(parent: ast.AST, field: str, index: int, value: object, node: ast.AST) -> None:
    """Set one child of a node."""
    if isinstance(value, list):
        value[index] = node
    else:
        setattr(parent, field, node)


def _is_docstring(node: ast.AST) -> bool:
    """Tell whether a node is a string as a statement."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _compare(pairs: dict[type[ast.cmpop], type[ast.cmpop]]) -> Change:
    """Return the change that replaces the first comparison operator, by a table."""

    def change(node: ast.AST) -> Sequence[ast.AST]:
        if not isinstance(node, ast.Compare) or type(node.ops[0]) not in pairs:
            return ()
        return (ast.Compare(node.left, [pairs[type(node.ops[0])](), *node.ops[1:]], node.comparators),)

    return change


def _constant(offset: int) -> Change:
    """Return the change that adds an offset to an integer."""

    def change(node: ast.AST) -> Sequence[ast.AST]:
        is_number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
        return (ast.Constant(node.value + offset),) if is_number else ()  # type: ignore[attr-defined]

    return change


def _text(node: ast.AST) -> Sequence[ast.AST]:
    """Lengthen a string."""
    return (ast.Constant(node.value + "x"),) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ()


_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitXor: ast.BitOr,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


def _arithmetic(node: ast.AST) -> Sequence[ast.AST]:
    """Swap an arithmetic operator."""
    if not isinstance(node, ast.BinOp) or type(node.op) not in _ARITHMETIC:
        return ()
    return (ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right),)


def _negated(test: ast.expr) -> ast.expr:
    """Negate a condition."""
    return ast.UnaryOp(ast.Not(), test)


def _branch(node: ast.AST) -> Sequence[ast.AST]:
    """Swap the branches of a condition."""
    if isinstance(node, ast.If):
        return (ast.If(_negated(node.test), node.body, node.orelse),)
    if isinstance(node, ast.IfExp):
        return (ast.IfExp(_negated(node.test), node.body, node.orelse),)
    if isinstance(node, ast.comprehension) and node.ifs:
        return (ast.comprehension(node.target, node.iter, [_negated(node.ifs[0]), *node.ifs[1:]], node.is_async),)
    return ()


def _return(node: ast.AST) -> Sequence[ast.AST]:
    """Drop the value of a return."""
    return (ast.Return(None),) if isinstance(node, ast.Return) and node.value is not None else ()


def _slice(node: ast.AST) -> Sequence[ast.AST]:
    """Move one bound of a slice by one."""
    if not isinstance(node, ast.Slice):
        return ()
    one = ast.Constant(1)
    moved = []
    if node.lower is not None:
        moved.append(ast.Slice(ast.BinOp(node.lower, ast.Add(), one), node.upper, node.step))
    if node.upper is not None:
        moved.append(ast.Slice(node.lower, ast.BinOp(node.upper, ast.Add(), one), node.step))
    if node.step is not None and node.lower is None and node.upper is None:
        moved.append(ast.Slice(one, None, node.step))
    return moved


def _order(node: ast.AST) -> Sequence[ast.AST]:
    """Reverse a sort order."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "sorted":
        return ()
    reverse = [keyword for keyword in node.keywords if keyword.arg == "reverse"]
    others = [keyword for keyword in node.keywords if keyword.arg != "reverse"]
    added = [] if reverse else [ast.keyword("reverse", ast.Constant(True))]
    return (ast.Call(node.func, node.args, others + added),)


def _boolean(node: ast.AST) -> Sequence[ast.AST]:
    """Swap `and` and `or`."""
    if not isinstance(node, ast.BoolOp):
        return ()
    return (ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values),)


def _negation(node: ast.AST) -> Sequence[ast.AST]:
    """Drop a `not` or a minus."""
    dropped = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub)
    return (node.operand,) if dropped else ()  # type: ignore[attr-defined]


def _extreme(node: ast.AST) -> Sequence[ast.AST]:
    """Swap `min` and `max`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in ("min", "max"):
        return ()
    other = ast.Name("max" if node.func.id == "min" else "min", ast.Load())
    return (ast.Call(other, node.args, node.keywords),)


def _call(node: ast.AST) -> Sequence[ast.AST]:
    """Remove a call of a plain function of one argument, as if a helper were forgotten."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or len(node.args) != 1 or node.keywords:
        return ()
    return () if isinstance(node.args[0], ast.GeneratorExp | ast.Starred) else (node.args[0],)


def _statement(node: ast.AST) -> Sequence[ast.AST]:
    """Remove a statement: an assignment, an edge case, a branch."""
    return (ast.Pass(),) if isinstance(node, ast.If | ast.Assign | ast.AugAssign | ast.Expr) else ()


def _loop(node: ast.AST) -> Sequence[ast.AST]:
    """Swap `break` and `continue`."""
    return (
        (ast.Continue(),) if isinstance(node, ast.Break) else (ast.Break(),) if isinstance(node, ast.Continue) else ()
    )


KINDS: dict[str, Change] = {
    "boundary": _compare({ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}),
    "comparison": _compare(
        {
            ast.Eq: ast.NotEq,
            ast.NotEq: ast.Eq,
            ast.Lt: ast.Gt,
            ast.Gt: ast.Lt,
            ast.LtE: ast.GtE,
            ast.GtE: ast.LtE,
            ast.In: ast.NotIn,
            ast.NotIn: ast.In,
            ast.Is: ast.IsNot,
            ast.IsNot: ast.Is,
        }
    ),
    "constant plus one": _constant(1),
    "constant minus one": _constant(-1),
    "text": _text,
    "arithmetic": _arithmetic,
    "branch": _branch,
    "return value": _return,
    "slice bound": _slice,
    "sort order": _order,
    "and or": _boolean,
    "negation": _negation,
    "min max": _extreme,
    "missing helper": _call,
    "missing statement": _statement,
    "break continue": _loop,
}
"""Every kind of mutation by name."""
