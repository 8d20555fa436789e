"""Forms with photos in them."""

import io
from typing import Any


def make_form(*photos: bytes, **fields: str) -> dict[str, Any]:
    return {"image": [(io.BytesIO(data), f"{place}.jpg") for place, data in enumerate(photos)], **fields}
