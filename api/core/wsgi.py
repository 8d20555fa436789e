"""WSGI entry point: `gunicorn -c python:api.core.gunicorn_config api.core.wsgi:app`."""

from api.core.app import create_app
from emoscope.logging import configure_logs
from emoscope.private_files import keep_private
from emoscope.settings import load_settings_or_exit

keep_private()
_settings = load_settings_or_exit()
configure_logs(_settings.log_level, _settings.log_format)

app = create_app(_settings)
