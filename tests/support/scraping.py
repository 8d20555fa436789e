"""Metrics as Prometheus reads them."""

from typing import Any

from apiflask import APIFlask
from prometheus_client.parser import text_string_to_metric_families


def scrape(app: APIFlask) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Value of each sample, by its name and labels."""
    text = app.test_client().get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read(samples: dict[Any, float], name: str, **labels: str) -> float:
    """The value of a sample, which has to be there."""
    return samples[name, frozenset(labels.items())]


def find(samples: dict[Any, float], name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))
