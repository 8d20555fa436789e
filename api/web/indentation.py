"""Removes the indentation of templates from pages.

A third of a long page would be indentation. Where HTML has a space, one line break is as good as any more.
"""

import re
from collections.abc import Iterable

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

_TEXT = "data"
"""Jinja's name for what stands outside its own tags."""
_EDGE = re.compile(r"(?P<begin><(?:td|button)\b[^<>]*>)\n|\n(?=</(?:td|button)>)")


class WithoutIndentation(Extension):
    """Reduces each line break with the spaces around it to the line break, when a template is compiled. Not inside `<pre>`.

    None is left at the edges of a table's cell, so that a cell without content is `:empty` for style sheets; nor of a button, where
    a space behind hidden text would take a gap of its own.
    """

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Reduce the text of a template. Jinja calls this when it compiles one."""
        is_kept = False
        for token in stream:
            if token.type == _TEXT:
                text, is_kept = _reduce(token.value, is_kept=is_kept)
                yield Token(token.lineno, token.type, text)
            else:
                yield token


def _reduce(text: str, *, is_kept: bool) -> tuple[str, bool]:
    """Reduce a piece of text. is_kept: whether it begins inside `<pre>`. Return it, and whether it ends there."""
    reduced = []
    for piece in re.split(r"(<pre\b|</pre>)", text):
        if piece in {"<pre", "</pre>"}:
            is_kept = piece == "<pre"
        reduced.append(piece if is_kept else _EDGE.sub(r"\g<begin>", re.sub(r"\s*\n\s*", "\n", piece)))
    return "".join(reduced), is_kept
