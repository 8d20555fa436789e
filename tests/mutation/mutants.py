"""One-line mutants of a module: the same source with one expression or statement changed, made from its syntax tree."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
"""What each comparison becomes: off by one, and the opposite."""
CALCULATIONS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
CONDITION_LISTS = {"where", "filter", "and_", "or_", "all_"}
"""Calls whose arguments are conditions: one of them is left out."""
UNHEARD = {"log", "logger", "warnings"}
"""Whatever is said through these changes nothing that a test should hold on to."""


@dataclass(frozen=True)
class Mutant:
    """A change of one module. path: from the repository's root. start, end: the bytes that `after` replaces."""

    path: str
    line: int
    kind: str
    before: str
    after: str
    start: int
    end: int

    def apply(self, source: bytes) -> bytes:
        """The changed module."""
        return source[: self.start] + self.after.encode() + source[self.end :]

    def describe(self) -> str:
        """Where it is, and what changed: one line."""
        return f"{self.path}:{self.line} {self.kind}: {' '.join(self.before.split())} -> {' '.join(self.after.split())}"


def list_mutants(root: Path, path: str) -> list[Mutant]:
    """All mutants of a module that still compile, in order of the source."""
    source = (root / path).read_bytes()
    return [mutant for mutant in _Finder(path, source).find() if _compiles(mutant.apply(source))]


def _compiles(source: bytes) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


class _Finder:
    """Walks a module, but not what has no behaviour to test: annotations, decorators, type-checking blocks, logging."""

    def __init__(self, path: str, source: bytes) -> None:
        self._path, self._source = path, source
        starts = [0]
        for line in source.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self._line_starts = starts

    def find(self) -> Iterator[Mutant]:
        for statement in ast.parse(self._source).body:
            yield from self._visit(statement)

    def _visit(self, node: ast.AST) -> Iterator[Mutant]:
        if _is_unheard(node):
            return
        yield from self._mutate(node)
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list", "type_params", "type_comment"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from self._visit(child)

    def _mutate(self, node: ast.AST) -> Iterator[Mutant]:
        match node:
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                for sign in COMPARISONS[type(operator)]:
                    yield self._replace(node, "comparison", f"{self._text(left)} {sign} {self._text(right)}")
            case ast.BoolOp(op=operator, values=values):
                word = " or " if isinstance(operator, ast.And) else " and "
                yield self._replace(node, "and/or", f"({word.join(f'({self._text(each)})' for each in values)})")
                yield self._replace(node, "operand left out", f"({self._text(values[0])})")
                yield self._replace(node, "operand left out", f"({self._text(values[-1])})")
            case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
                yield self._replace(node, "negation", f"({self._text(operand)})")
            case ast.BinOp(op=operator, left=left, right=right) if type(operator) in CALCULATIONS:
                sign = CALCULATIONS[type(operator)][1]
                yield self._replace(node, "calculation", f"(({self._text(left)}) {sign} ({self._text(right)}))")
            case ast.Constant(value=bool() as value):
                yield self._replace(node, "constant", str(not value))
            case ast.Constant(value=int() | float() as value):
                yield self._replace(node, "constant", repr(value + 1))
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[_, _, *_]) if (
                name in CONDITION_LISTS
            ):
                yield from self._leave_out_each(node)
            case ast.IfExp(body=body, orelse=other):
                yield self._replace(node, "condition", f"({self._text(body)})")
                yield self._replace(node, "condition", f"({self._text(other)})")
            case _:
                yield from self._mutate_statement(node)

    def _mutate_statement(self, node: ast.AST) -> Iterator[Mutant]:
        match node:
            case ast.If(test=test) | ast.While(test=test):
                yield self._replace(test, "condition", f"(not ({self._text(test)}))")
            case ast.comprehension(ifs=[condition, *_]):
                yield self._replace(condition, "condition", "True")
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[_, _, *_]) if (
                name in CONDITION_LISTS
            ):
                yield from self._leave_out_each(node)
            case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
                yield self._replace(node, "return", "return None")
            case ast.Return(value=None):
                yield self._replace(node, "statement left out", "pass")
            case ast.Continue():
                yield self._replace(node, "loop", "break")
            case ast.Break():
                yield self._replace(node, "loop", "continue")
            case ast.Raise() | ast.AugAssign() | ast.Delete() | ast.Expr(value=ast.Call()):
                yield self._replace(node, "statement left out", "pass")
            case ast.Assign(targets=[ast.Attribute() | ast.Subscript() | ast.Tuple()]):
                yield self._replace(node, "statement left out", "pass")
            case _:
                return

    def _leave_out_each(self, call: ast.Call) -> Iterator[Mutant]:
        kept = [self._text(each) for each in call.args] + [self._text(each) for each in call.keywords]
        for place, argument in enumerate(call.args):
            rest = ", ".join(kept[:place] + kept[place + 1 :])
            mutant = self._replace(call, "condition left out", f"{self._text(call.func)}({rest})")
            yield replace(mutant, line=argument.lineno, before=self._text(argument))

    def _replace(self, node: ast.stmt | ast.expr, kind: str, after: str) -> Mutant:
        start, end = self._span(node)
        return Mutant(self._path, node.lineno, kind, self._text(node), after, start, end)

    def _text(self, node: ast.expr | ast.stmt | ast.keyword) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._line_starts[node.lineno - 1] + node.col_offset,
            self._line_starts[node.end_lineno - 1] + node.end_col_offset,
        )


def _is_unheard(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))) if name in UNHEARD:
            return True
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.JoinedStr():  # Python 3.11 gives what is in it no place of its own
            return True
    return False
