"""The style sheet of the emotions is generated from the vocabulary."""

from flask.testing import FlaskClient

from db.core.vocabulary import EMOTIONS


def test_every_emotion_has_a_colour_in_both_themes_and_a_class(client: FlaskClient) -> None:
    response = client.get("/static/emotions.css")
    assert (response.status_code, response.mimetype) == (200, "text/css")
    for each in EMOTIONS:
        assert f"--{each}: light-dark({each.light_colour}, {each.dark_colour});" in response.text
        assert f".{each} {{ --tone: var(--{each}); }}" in response.text


def test_pages_load_it(client: FlaskClient) -> None:
    assert '<link rel="stylesheet" href="/static/emotions.css">' in client.get("/sign-in").text
