"""specialised: the source of a function with flags decided, names replaced and terms written out.

It reads the real source of a step, so that a printed step cannot differ from the one that runs.
Nothing is executed here.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any


def specialised(
    function: Callable[..., Any], name: str, replace: Mapping[str, str], terms: ModuleType
) -> str:
    """The text of ``function`` under another name, for a given decision of its flags.

    Args:
        function: one whose source is at hand.
        name: what the text calls it.
        replace: expressions of the source and what to write for them: ``"terms.leaky": "True"``.
            Branches that are thereby decided are folded; an assignment to a replaced name is left
            out. ``inject(y, None)`` becomes y.
        terms: a module of functions of one return expression, written out where they are called.

    >>> from snn_neurons import li, terms
    >>> print(specialised(li.step, "li", {"seen": "observed", "seen.v": "None"}, terms))
    def li(x, state, params, threshold, dt, observed):
        v = state.v + dt / params.tau_mem * (state.i + (params.v_leak - state.v))
        i = state.i * (1 - dt / params.tau_syn) + x
        return (v, State(v, i))
    """
    tree = _definition(function)
    tree.body = tree.body[1:] if ast.get_docstring(tree) else tree.body
    tree.name, tree.returns = name, None
    tree.args = _bare(tree.args)
    folded = _Folder(replace, _expressions(terms)).visit(tree)
    return ast.unparse(ast.fix_missing_locations(folded))


def _definition(function: Callable[..., Any]) -> ast.FunctionDef:
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if not isinstance(node, ast.FunctionDef):
        raise TypeError(f"{function!r} is no plain function")
    return node


def _bare(arguments: ast.arguments) -> ast.arguments:
    """Positional arguments without annotations and defaults."""
    return ast.arguments([], [ast.arg(one.arg) for one in arguments.args], None, [], [], None, [])


@cache
def _expressions(module: ModuleType) -> dict[str, tuple[tuple[str, ...], ast.expr]]:
    """Name of each function of a module: its arguments and its return expression."""
    found = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.FunctionDef) and isinstance(node.body[-1], ast.Return):
            names = tuple(one.arg for one in node.args.args)
            found[node.name] = (names, node.body[-1].value or ast.Constant(None))
    return found


class _Folder(ast.NodeTransformer):
    def __init__(
        self,
        replace: Mapping[str, str],
        expressions: Mapping[str, tuple[tuple[str, ...], ast.expr]],
    ) -> None:
        self.replace, self.expressions = replace, expressions

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and (text := ast.unparse(node)) in self.replace:
            return _parsed(self.replace[text])
        return super().visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.Assign | None:
        if ast.unparse(node.targets[0]) in self.replace:
            return None
        node.value = self.visit(node.value)
        return None if ast.unparse(node.value) == ast.unparse(node.targets[0]) else node

    def visit_If(self, node: ast.If) -> Any:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            branch = node.body if test.value else node.orelse
            return [kept for one in branch if (kept := self.visit(one)) is not None]
        raise ValueError(f"the test is not decided: {ast.unparse(node.test)}")

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self.visit(node.body if test.value else node.orelse)
        raise ValueError(f"the test is not decided: {ast.unparse(node.test)}")

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        values = [self.visit(one) for one in node.values]
        decided = [one.value for one in values if isinstance(one, ast.Constant)]
        if len(decided) < len(values):
            raise ValueError(f"the test is not decided: {ast.unparse(node)}")
        return ast.Constant(any(decided) if isinstance(node.op, ast.Or) else all(decided))

    def visit_Call(self, node: ast.Call) -> Any:
        called = ast.unparse(node.func)
        arguments = [self.visit(one) for one in node.args]
        if called == "inject" and _is_none(arguments[1]):
            return arguments[0]
        if called in self.expressions:
            names, expression = self.expressions[called]
            given = dict(zip(names, map(ast.unparse, arguments), strict=True))
            return _Folder(given, self.expressions).visit(_parsed(ast.unparse(expression)))
        node.func, node.args = self.visit(node.func), arguments
        node.keywords = [self.visit(one) for one in node.keywords]
        return node


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
