"""The ways in which the acquirer says no, in the words of its API."""


class Refusal(Exception):
    """An answer other than 200: status, code, and what was wrong with which parameter."""

    def __init__(
        self, status: int, code: str, description: str, parameter: str | None = None
    ) -> None:
        super().__init__(description)
        self.status = status
        self.code = code
        self.description = description
        self.parameter = parameter


def invalid(description: str, parameter: str | None = None) -> Refusal:
    return Refusal(400, "invalid_request", description, parameter)


def wrong_credentials() -> Refusal:
    return Refusal(401, "invalid_credentials", "Wrong shop id or secret key")


def not_found(what: str, parameter: str | None = None) -> Refusal:
    return Refusal(404, "not_found", f"{what} not found", parameter)


def too_many_requests() -> Refusal:
    return Refusal(429, "too_many_requests", "Too many requests, slow down")


def internal_error() -> Refusal:
    return Refusal(500, "internal_server_error", "Result of the request is unknown")


def unavailable() -> Refusal:
    return Refusal(503, "internal_server_error", "The service is down")
