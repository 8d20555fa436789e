from db.webhooks.event_types import EVENT_TYPES, SUBSCRIBABLE


def test_the_registry_names_each_type_like_its_entry() -> None:
    assert all(name == kind.name for name, kind in EVENT_TYPES.items())
    assert set(SUBSCRIBABLE) >= {"job.succeeded", "batch.finished", "export.finished", "model_version.promoted"}
