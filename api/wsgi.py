"""What Gunicorn runs: `gunicorn -c python:api.gunicorn_config api.wsgi:app`."""

from api.app import create_app
from emoscope.settings import load_settings

app = create_app(load_settings())
