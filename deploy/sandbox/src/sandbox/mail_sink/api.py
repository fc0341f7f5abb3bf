"""The JSON side: what arrived, for tests and scripts."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Response

from sandbox.mail_sink.behaviour import Behaviour
from sandbox.mail_sink.dependencies import Sink, SinkDep
from sandbox.mail_sink.letters import parse
from sandbox.mail_sink.store import Kind, Message

router = APIRouter()

Json = dict[str, object]
# A letter is a stranger's document: it may neither run scripts nor load anything.
CAGE = {
    "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
}


@router.get("/messages")
def list_messages(
    sink: SinkDep,
    to: str | None = None,
    kind: Kind | None = None,
    message_id: Annotated[
        str | None, Query(description="The Message-ID of a letter, with its brackets")
    ] = None,
    after: Annotated[int, Query(ge=0, description="Only messages with a greater id")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Json:
    """Messages in the order of arrival; `next` is the `after` of the following page."""
    found = sink.store.find(
        to=to,
        kind=kind or ("email" if message_id else None),
        identity=message_id,
        after=after,
        limit=limit,
    )
    return {
        "items": [message_object(message) for message in found],
        "next": found[-1].id if len(found) == limit else None,
    }


@router.delete("/messages")
def delete_messages(sink: SinkDep, to: str | None = None, kind: Kind | None = None) -> Json:
    """Forget all messages, or those of one recipient or kind."""
    return {"deleted": sink.store.delete(to=to, kind=kind)}


@router.get("/messages/{message_id}")
def show_message(sink: SinkDep, message_id: int) -> Json:
    """One message with its texts, headers and the list of its attachments."""
    return message_object(message_of(sink, message_id))


@router.delete("/messages/{message_id}", status_code=204)
def delete_message(sink: SinkDep, message_id: int) -> None:
    """Forget one message."""
    if not sink.store.delete_one(message_id):
        raise HTTPException(404, "No such message")


@router.get("/messages/{message_id}/raw")
def download_raw(sink: SinkDep, message_id: int) -> Response:
    """The bytes as they arrived."""
    return Response(message_of(sink, message_id).content, media_type="text/plain", headers=CAGE)


@router.get("/messages/{message_id}/html")
def show_html(sink: SinkDep, message_id: int) -> Response:
    """The HTML body, caged."""
    html = parse(message_of(sink, message_id, "email").content).html
    if html is None:
        raise HTTPException(404, "No HTML in this message")
    return Response(html, media_type="text/html; charset=utf-8", headers=CAGE)


@router.get("/messages/{message_id}/attachments/{number}")
def download_attachment(sink: SinkDep, message_id: int, number: int) -> Response:
    """One attachment, counted from 0."""
    attachments = parse(message_of(sink, message_id, "email").content).attachments
    if not 0 <= number < len(attachments):
        raise HTTPException(404, "No such attachment")
    attachment = attachments[number]
    disposition = f"attachment; filename*=UTF-8''{quote(attachment.name, safe='')}"
    return Response(
        attachment.content,
        media_type=attachment.content_type,
        headers=CAGE | {"content-disposition": disposition},
    )


@router.get("/sandbox/behaviour")
def show_behaviour(sink: SinkDep) -> Behaviour:
    """What is left of the misbehaviour that was ordered."""
    return sink.store.behaviour()


@router.put("/sandbox/behaviour")
def set_behaviour(sink: SinkDep, body: Behaviour) -> Behaviour:
    """Order misbehaviour; what is left out is good manners, so `{}` resets everything."""
    sink.store.behave(body)
    return body


def message_of(sink: Sink, message_id: int, kind: Kind | None = None) -> Message:
    message = sink.store.get(message_id)
    if message is None or (kind and message.kind != kind):
        raise HTTPException(404, "No such message")
    return message


def message_object(message: Message) -> Json:
    shown: Json = {
        "id": message.id,
        "kind": message.kind,
        "received_at": message.received_at.isoformat(timespec="milliseconds"),
        "from": message.sender,
        "to": list(message.recipients),
        "duplicates": message.duplicates,
    }
    if message.kind == "sms":
        return shown | {"text": message.content.decode()}
    letter = parse(message.content)
    return shown | {
        "subject": letter.subject,
        "message_id": letter.message_id,
        "headers": letter.headers,
        "text": letter.text,
        "html": letter.html,
        "attachments": [
            {
                "name": attachment.name,
                "content_type": attachment.content_type,
                "size": len(attachment.content),
                "url": f"/messages/{message.id}/attachments/{number}",
            }
            for number, attachment in enumerate(letter.attachments)
        ],
    }
