import re
from pathlib import Path

from api.web.metric_words import METRICS

TEMPLATES = Path("api/templates")


def test_every_metric_that_templates_name_is_explained_and_no_other() -> None:
    texts = [path.read_text() for path in TEMPLATES.rglob("*.html")]
    used = {key for text in texts for key in re.findall(r'parts\.(?:metric|explain)\("(\w+)"', text)}
    assert used == set(METRICS)
