"""Letters over SMTP, each with a Message-ID of its own that stays the same when it has to be sent again."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from html import escape
from typing import Any, Final, Literal

import aiosmtplib
from opentelemetry.trace import SpanKind
from pydantic import SecretStr
from typing_extensions import override

from notifications.adapters.invitations import invitation
from notifications.application.ports import Outgoing, Refused
from notifications.application.wording import Words
from service_kit.clock import Clock
from service_kit.errors import Unavailable
from service_kit.http import ProviderClient
from service_kit.tracing import span
from vocabulary.ids import MessageId, TenantId

__all__ = ["SmtpMailer", "SmtpServer", "compose"]

_PERMANENT: Final = range(500, 600)


class _LetterPolicy(EmailPolicy):
    """Encodes subject and sender by itself: the library's folding loses spaces between encoded words."""

    @override
    def fold_binary(self, name: str, value: Any) -> bytes:
        match name:
            case "Subject":
                folded = self._encoded(name, str(value))
            case "From":
                [sender] = value.addresses
                folded = f"{self._encoded(name, sender.display_name)} <{sender.addr_spec}>".strip()
            case _:
                return super().fold_binary(name, value)
        return f"{name}: {folded}{self.linesep}".encode("ascii")

    def _encoded(self, name: str, text: str) -> str:
        return Header(text, "utf-8", header_name=name).encode(linesep=self.linesep) if text else ""


# 7bit: a letter is encoded once, whatever the server can take.
_LETTER: Final = _LetterPolicy(linesep="\r\n", cte_type="7bit")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where letters go, and as whom; `senders` has the tenants that have an address of their own."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    sender: str
    senders: Mapping[str, str]
    username: str | None = None
    password: SecretStr | None = None
    letter_seconds: float = 30.0

    def sender_of(self, tenant: str) -> str:
        return self.senders.get(tenant, self.sender)

    @property
    def about(self) -> Mapping[str, str | int]:
        """Of a span: where the letter goes, and nothing of whom it is for."""
        return {
            "network.protocol.name": "smtp",
            "server.address": self.host,
            "server.port": self.port,
        }


class SmtpMailer:
    """A connection per letter. `lookup` is a server that can say whether it has a Message-ID, where there is one."""

    def __init__(self, server: SmtpServer, lookup: ProviderClient | None, clock: Clock) -> None:
        self._server, self._lookup, self._clock = server, lookup, clock

    async def send(self, outgoing: Outgoing) -> Refused | None:
        """A final refusal is of the letter or its recipient; trouble with ourselves (login, sender) may be mended."""
        server = self._server
        sender = server.sender_of(outgoing.tenant)
        letter = compose(outgoing, sender=sender, clock=self._clock)
        try:
            # The library's own limit is for each step, and a slow server answers each just in time.
            async with asyncio.timeout(server.letter_seconds):
                with span("send letter", server.about, SpanKind.CLIENT):
                    await aiosmtplib.send(
                        letter.as_bytes(),
                        sender=sender,
                        recipients=[outgoing.address],
                        hostname=server.host,
                        port=server.port,
                        use_tls=server.security == "tls",
                        start_tls=server.security == "starttls",
                        username=server.username,
                        password=server.password.get_secret_value() if server.password else None,
                        timeout=server.letter_seconds,
                    )
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            return _refused(refusal.recipients[0].code)
        except aiosmtplib.SMTPDataError as refusal:
            return _refused(refusal.code)
        except (aiosmtplib.SMTPException, OSError):
            # Their texts may quote the address.
            raise Unavailable("smtp") from None
        return None

    async def was_accepted(self, tenant: TenantId, message_id: MessageId) -> bool:
        if self._lookup is None:
            return False
        wanted = message_id_header(message_id, self._server.sender_of(tenant))
        answer = await self._lookup.request("GET", "/messages", params={"message_id": wanted})
        if not answer.is_success:
            raise Unavailable("mail lookup")
        return bool(answer.json()["items"])


def compose(outgoing: Outgoing, *, sender: str, clock: Clock) -> EmailMessage:
    """The letter: plain text and HTML of the same words, and the invitation."""
    words, now = outgoing.words, clock.now()
    letter = EmailMessage(policy=_LETTER)
    letter["From"] = Address(" ".join((words.clinic or "").split()), addr_spec=sender)
    letter["To"] = outgoing.address
    letter["Subject"] = words.subject
    letter["Date"] = now
    letter["Message-ID"] = message_id_header(outgoing.message_id, sender)
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(_plain(words))
    letter.add_alternative(_html(words), subtype="html")
    if words.meeting is not None:
        written = invitation(
            words.meeting,
            organizer=sender,
            attendee=outgoing.address,
            link=words.link,
            now=now,
        )
        letter.add_attachment(
            written,
            maintype="text",
            subtype="calendar",
            filename="invitation.ics",
            params={"method": words.meeting.method, "charset": "utf-8"},
        )
    return letter


def message_id_header(message_id: MessageId, sender: str) -> str:
    return f"<{message_id}@{sender.rpartition('@')[2]}>"


def _plain(words: Words) -> str:
    link = [f"{words.link_title}: {words.link}"] if words.link else []
    return "\n\n".join([*words.paragraphs, *link]) + "\n"


def _html(words: Words) -> str:
    body = [f"<p>{escape(paragraph)}</p>" for paragraph in words.paragraphs]
    if words.link:
        body.append(f'<p><a href="{escape(words.link)}">{escape(words.link_title)}</a></p>')
    return f'<!doctype html><html><head><meta charset="utf-8"></head><body>{"".join(body)}</body></html>\n'


def _refused(code: int) -> Refused:
    if code not in _PERMANENT:
        raise Unavailable("smtp")
    return Refused(f"SMTP_{code}")
