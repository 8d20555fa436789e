"""Errors of webhooks."""

from http import HTTPStatus

from db.core.errors import DomainError


class UnknownEndpoint(DomainError):
    """There is no such endpoint, or it belongs to another application."""

    code = "unknown_webhook"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown webhook"
    meaning = "There is no webhook endpoint with this id, or it belongs to another application."


class UnknownDelivery(DomainError):
    """There is no such delivery, or it belongs to another application."""

    code = "unknown_delivery"
    status = HTTPStatus.NOT_FOUND
    title = "Unknown delivery"
    meaning = (
        "There is no webhook delivery with this id, it belongs to another application, or its retention time is over."
    )


class RefusedEndpointUrl(DomainError):
    """The service may not call this URL."""

    code = "webhook_url_refused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Webhook URL refused"
    meaning = "The service doesn't call this URL: its form, its host or its port isn't allowed. `detail` says which."


class TooManyEndpoints(DomainError):
    """The application has the maximum number of endpoints."""

    code = "too_many_webhooks"
    status = HTTPStatus.CONFLICT
    title = "Too many webhooks"
    meaning = "The application has reached the maximum number of webhook endpoints. Delete one first."


class EndpointNotActive(DomainError):
    """The endpoint is paused, so nothing is sent to it."""

    code = "webhook_paused"
    status = HTTPStatus.CONFLICT
    title = "Webhook paused"
    meaning = "The webhook endpoint is paused, so nothing can be sent to it. Resume it first."
