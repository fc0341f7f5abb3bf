"""What a person sees: all messages, newest first, and one of them opened."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from sandbox.mail_sink.api import message_object, message_of
from sandbox.mail_sink.dependencies import SinkDep
from sandbox.mail_sink.store import Kind
from sandbox.web import page

router = APIRouter(include_in_schema=False)


@router.get("/")
def show_overview(
    sink: SinkDep, to: Annotated[str | None, Query()] = None, kind: Kind | None = None
) -> HTMLResponse:
    messages = sink.store.find(to=to, kind=kind, limit=200, newest_first=True)
    return page("mail_overview.html", messages=messages, to=to or "")


@router.get("/letters/{message_id}")
def show_letter(sink: SinkDep, message_id: int) -> HTMLResponse:
    message = message_of(sink, message_id)
    return page("letter.html", message=message, content=message_object(message))
