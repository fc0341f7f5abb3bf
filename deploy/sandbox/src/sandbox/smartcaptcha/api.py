"""`POST /validate` as Yandex answers it, and the hand of a browser."""

import hmac
from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, Field

from sandbox.smartcaptcha.tokens import Tokens

router = APIRouter()

Json = dict[str, str]


class Visitor(BaseModel):
    human: bool = Field(default=True, description="What the check shall find out")


@router.post("/validate")
def validate(
    request: Request,
    secret: Annotated[str, Form(description="The server key")] = "",
    token: Annotated[str, Form()] = "",
    ip: Annotated[str, Form(description="The visitor's address")] = "",
) -> Json:
    """The verdict on one token, given once."""
    key, tokens = request.app.state.server_key, tokens_of(request)
    if not secret:
        return _failed("Authentication failed. Secret has not provided.")
    if not hmac.compare_digest(secret.encode(), key.encode()):
        return _failed("Authentication failed. Invalid secret.")
    human = tokens.spend(token)
    if human is None:
        return _failed("Invalid or expired Token.")
    return {"status": "ok", "message": "", "host": "clinic.example"} if human else _failed("")


@router.post("/sandbox/tokens", status_code=201)
def issue_token(request: Request, visitor: Visitor) -> Json:
    """What the widget puts into `smart-token` for this visitor."""
    return {"token": tokens_of(request).issue(human=visitor.human)}


def tokens_of(request: Request) -> Tokens:
    tokens: Tokens = request.app.state.tokens
    return tokens


def _failed(message: str) -> Json:
    return {"status": "failed", "message": message}
