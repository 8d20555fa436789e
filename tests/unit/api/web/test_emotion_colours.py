"""The style sheet of the emotions is generated from the vocabulary."""

import re

from flask.testing import FlaskClient

from api.web.emotion_colours import write_style_sheet
from db.core.vocabulary import EMOTIONS


def test_every_emotion_has_a_colour_in_both_themes_and_a_class() -> None:
    written = write_style_sheet()
    for each in EMOTIONS:
        assert f"--{each}: light-dark({each.light_colour}, {each.dark_colour});" in written
        assert f".{each} {{ --tone: var(--{each}); }}" in written


def test_pages_load_it(client: FlaskClient) -> None:
    address = re.search(r'<link rel="stylesheet" href="(/static/\w+/emotions.css)">', client.get("/sign-in").text)
    assert address
    response = client.get(address[1])
    assert (response.status_code, response.mimetype, response.text) == (200, "text/css", write_style_sheet())
