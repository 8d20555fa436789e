"""All settings. Imports nothing else of the project."""

from emoscope.settings.fields import Settings, find_unknown_variables, load_settings, load_settings_or_exit
from emoscope.settings.problems import InvalidSettings
from emoscope.settings.urls import read_rate

__all__ = [
    "InvalidSettings",
    "Settings",
    "find_unknown_variables",
    "load_settings",
    "load_settings_or_exit",
    "read_rate",
]
