"""A style sheet with the emotions' colours, generated from the vocabulary.

`--happy` is a colour, and the class `happy` sets `--tone` to it.
"""

from flask import Blueprint, Response

from db.core.vocabulary import EMOTIONS

blueprint = Blueprint("styles", __name__)

_MAX_AGE_S = 3600


@blueprint.get("/static/emotions.css")
def send_emotion_colours() -> Response:
    """Send the style sheet."""
    colours = "".join(f"  --{each}: light-dark({each.light_colour}, {each.dark_colour});\n" for each in EMOTIONS)
    classes = "".join(f".{each} {{ --tone: var(--{each}); }}\n" for each in EMOTIONS)
    response = Response(f":root {{\n{colours}}}\n{classes}", mimetype="text/css")
    response.cache_control.max_age = _MAX_AGE_S
    return response
