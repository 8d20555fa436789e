"""Browsers without scripts, and the pages that each role may see."""

from flask.testing import FlaskClient

PASSWORD = "correct horse battery"


LISTS = ("/dashboard", "/jobs", "/models", "/training", "/drift")


WORK = ("/review", "/try")


OFFICE = ("/access", "/audit", "/webhooks")
"""Pages by the role that they need: viewers, reviewers, administrators."""


class Visitor:
    """A browser without scripts: follows what pages show, and sends their forms with what is hidden in them."""

    def __init__(self, client: FlaskClient, csrf_token: str = "") -> None:
        self.client = client
        self.csrf_token = csrf_token

    def get(self, path: str, **query: object) -> str:
        response = self.client.get(path, query_string=query or None)
        assert response.status_code == 200, (path, response.status_code, response.text)
        return response.text

    def post(self, path: str, **fields: object) -> tuple[int, str]:
        response = self.client.post(path, data={"csrf_token": self.csrf_token, **fields})
        return response.status_code, response.headers.get("Location", response.text)
