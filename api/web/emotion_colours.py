"""A style sheet with the emotions' colours, generated from the vocabulary.

`--happy` is a colour, and the class `happy` sets `--tone` to it.
"""

from db.core.vocabulary import EMOTIONS

FILE_NAME = "emotions.css"
"""Among the pages' own files, which it is served with."""


def write_style_sheet() -> str:
    """Return the style sheet."""
    colours = "".join(f"  --{each}: light-dark({each.light_colour}, {each.dark_colour});\n" for each in EMOTIONS)
    classes = "".join(f".{each} {{ --tone: var(--{each}); }}\n" for each in EMOTIONS)
    return f":root {{\n{colours}}}\n{classes}"
