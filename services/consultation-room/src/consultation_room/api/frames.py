"""What travels over the live connection, as JSON objects told apart by `kind`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from consultation_room.api.messages import Posted, Wording
from consultation_room.api.showing import MessageOut
from consultation_room.domain.consultation.state import ConsultationStatus

__all__ = [
    "FROM_CLIENT",
    "Ack",
    "CaughtUp",
    "FromClient",
    "Heartbeat",
    "Hello",
    "Message",
    "NewToken",
    "Say",
    "State",
    "ToClient",
    "TokenWanted",
]


class Hello(BaseModel):
    """The first frame of a client: who it is, and the number of the last message that it has."""

    kind: Literal["hello"]
    token: str = Field(max_length=8192)
    last_seen: int = Field(default=0, ge=0)


class NewToken(BaseModel):
    """A later access token of the same account."""

    kind: Literal["token"]
    token: str = Field(max_length=8192)


class Say(Wording):
    """A message; answered by `ack`, or by `problem` with the same `client_message_id`."""

    kind: Literal["say"]


class Heartbeat(BaseModel):
    """Both sides: still here. A client answers each; who is silent for too long is disconnected."""

    kind: Literal["heartbeat"] = "heartbeat"


class Message(MessageOut):
    """A message of the chat, each exactly once and in the order of their numbers."""

    kind: Literal["message"] = "message"


class CaughtUp(BaseModel):
    """Everything up to `number` has been sent; what follows is new."""

    kind: Literal["caught_up"] = "caught_up"
    number: int


class State(BaseModel):
    """Where the consultation stands, at first and whenever it changes."""

    kind: Literal["state"] = "state"
    status: ConsultationStatus
    planned_start: datetime
    planned_end: datetime


class Ack(Posted):
    """A message was posted."""

    kind: Literal["ack"] = "ack"


class TokenWanted(BaseModel):
    """Send `token` before the old one expires, or the connection ends."""

    kind: Literal["token_wanted"] = "token_wanted"
    expires_at: datetime


FromClient = Annotated[Hello | NewToken | Say | Heartbeat, Field(discriminator="kind")]
FROM_CLIENT: TypeAdapter[FromClient] = TypeAdapter(FromClient)
ToClient = Message | CaughtUp | State | Ack | TokenWanted | Heartbeat


def shown(message: MessageOut) -> Message:
    """The message as a frame."""
    return Message(**dict(message))
