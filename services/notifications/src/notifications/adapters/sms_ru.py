"""SMS over the HTTP protocol of SMS.RU: always 200, the outcome stands in the body."""

from typing import Final

import msgspec
from pydantic import SecretStr

from notifications.application.ports import Outgoing, Refused
from service_kit.errors import Unavailable
from service_kit.http import ProviderClient
from vocabulary.ids import MessageId, TenantId

__all__ = ["SmsRu"]

_TAKEN: Final = 100
# About the number or the text. All other codes (no money, a limit, a wrong key, a broken service) can be mended.
_PERMANENT: Final = frozenset({202, 203, 205, 207, 209, 214, 215, 216})


class _Outcome(msgspec.Struct, frozen=True):
    status_code: int
    sms: dict[str, "_Outcome"] = {}


class SmsRu:
    """The protocol has no key of the sender's, so a lost answer may lead to a second SMS, never to none."""

    def __init__(self, provider: ProviderClient, api_id: SecretStr) -> None:
        self._provider, self._api_id = provider, api_id

    async def send(self, outgoing: Outgoing) -> Refused | None:
        form = {
            "api_id": self._api_id.get_secret_value(),
            "to": outgoing.address.removeprefix("+"),
            "msg": outgoing.words.sms or outgoing.words.subject,
            "json": "1",
        }
        answer = await self._provider.request("POST", "/sms/send", data=form)
        code = _code(answer.content)
        if code == _TAKEN:
            return None
        if code in _PERMANENT:
            return Refused(f"SMS_{code}")
        raise Unavailable("sms")

    async def was_accepted(self, tenant: TenantId, message_id: MessageId) -> bool:
        return False


def _code(content: bytes) -> int:
    """The code of the one number, or of the call when it came to no number."""
    try:
        answer = msgspec.json.decode(content, type=_Outcome)
    except msgspec.MsgspecError:
        raise Unavailable("sms") from None
    return next((one.status_code for one in answer.sms.values()), answer.status_code)
