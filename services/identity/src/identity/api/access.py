"""Who may do what in identity."""

from policies.api import POLICY_ACCESS
from service_kit.access import Access, AccessTable, Ownership

__all__ = ["ACCESS"]

_ANYBODY = {"anonymous": Ownership.TENANT}
_SERVICES = {"service": Ownership.TENANT}
_OPERATORS = frozenset({"ops"})
# The gateway, which strangers reach first, opens nobody's data.
_KEEPERS = frozenset(
    {"booking", "billing", "consultation_room", "conclusions", "notifications", "ops"}
)
_DOORS = frozenset({"gateway", "consultation_room"})
_ONESELF = dict.fromkeys(("patient", "clinician", "manager", "administrator"), Ownership.SELF)

ACCESS = AccessTable(
    Access("show_keys", _ANYBODY, tenant=False),
    Access("issue_service_token", _ANYBODY, idempotency_key=False, tenant=False),
    Access("give_data_key", _SERVICES, tenant=False, callers=_KEEPERS),
    Access("rewrap_keys", _SERVICES, idempotency_key=False, tenant=False, callers=_OPERATORS),
    Access("list_ended_sessions", _SERVICES, tenant=False, callers=_DOORS),
    Access("register_organisation", _SERVICES, callers=_OPERATORS),
    Access("add_branch", _SERVICES, callers=_OPERATORS),
    Access("add_staff", _SERVICES, callers=_OPERATORS),
    # These send a code to a contact that nobody has proved yet (IDN-08).
    Access("start_registration", _ANYBODY, captcha=True),
    Access("send_another_code", _ANYBODY, captcha=True),
    Access("confirm_registration", _ANYBODY),
    Access("abandon_registration", _ANYBODY, idempotency_key=False),
    # A repeat is another attempt, and has to count as one.
    Access("sign_in", _ANYBODY, idempotency_key=False),
    Access("refresh_session", _ANYBODY, idempotency_key=False),
    Access("sign_out", _ONESELF, idempotency_key=False),
    Access("show_me", _ONESELF),
    Access("choose_language", _ONESELF),
    Access("answer_letters_consent", {"patient": Ownership.SELF}),
    *POLICY_ACCESS,
)
