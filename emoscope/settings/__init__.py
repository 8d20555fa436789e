"""Every setting. Imports nothing else of the project."""

from emoscope.settings.fields import Settings, load_settings

__all__ = ["Settings", "load_settings"]
