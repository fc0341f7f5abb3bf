"""What a raw letter holds: its texts and attachments. Pure."""

import email
import email.policy
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    subject: str
    message_id: str | None
    headers: dict[str, str]
    text: str | None
    html: str | None
    attachments: Sequence[Attachment]


def parse(raw: bytes) -> Letter:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return Letter(
        subject=str(message["subject"] or ""),
        message_id=str(message["message-id"]).strip() if message["message-id"] else None,
        headers={name: str(value) for name, value in message.items()},
        text=_body(message, "plain"),
        html=_body(message, "html"),
        attachments=[_attachment(part) for part in message.walk() if _is_attached(part)],
    )


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()) if part is not None else None


def _is_attached(part: EmailMessage) -> bool:
    """Anything that is not one of the two bodies, e.g. a calendar invitation beside them."""
    if part.is_multipart():
        return False
    body_type = part.get_content_type() in ("text/plain", "text/html")
    return part.is_attachment() or not body_type


def _attachment(part: EmailMessage) -> Attachment:
    content = part.get_payload(decode=True)
    return Attachment(
        name=part.get_filename() or "attachment",
        content_type=part.get_content_type(),
        content=content if isinstance(content, bytes) else b"",
    )
