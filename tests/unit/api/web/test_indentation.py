"""Pages are sent without the indentation of their templates, and show the same."""

import pytest
from jinja2 import Environment

from api.web.indentation import WithoutIndentation


@pytest.mark.parametrize(
    ("template", "page"),
    [
        (
            "<ul>\n  {% for one in (1, 2) %}\n    <li>{{ one }}</li>\n  {% endfor %}\n</ul>",
            "<ul>\n\n<li>1</li>\n\n<li>2</li>\n\n</ul>",
        ),
        ("a  b {{ 1 }}  c", "a  b 1  c"),
        ("<p>\n    <pre>a\n  {{ 1 }}\n  b</pre>\n    c", "<p>\n<pre>a\n  1\n  b</pre>\nc"),
        ("{{ '\n  as it is' }}", "\n  as it is"),
        ("<button>\n  {{ 1 }}<i>of</i>\n</button>", "<button>1<i>of</i></button>"),
        ('<td class="x">\n  {% if 0 %}\n    <p></p>\n  {% endif %}\n</td>', '<td class="x"></td>'),
        ("<td>\n  {% if 1 %}\n    <p></p>\n  {% endif %}\n</td>", "<td>\n<p></p>\n</td>"),
    ],
)
def test_line_breaks_lose_the_spaces_around_them(template: str, page: str) -> None:
    environment = Environment(extensions=[WithoutIndentation], autoescape=True)
    assert environment.from_string(template).render() == page
