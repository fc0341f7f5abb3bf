"""Who may do what in billing."""

from policies.api import POLICY_ACCESS
from service_kit.access import Access, AccessTable, Ownership

__all__ = ["ACCESS"]

_CLINIC = {"manager": Ownership.TENANT, "administrator": Ownership.TENANT}
_ANYBODY = dict.fromkeys(("anonymous", "patient", "clinician"), Ownership.TENANT) | _CLINIC
_ADMINISTRATOR = {"administrator": Ownership.TENANT}

ACCESS = AccessTable(
    Access("read_price_list", _ANYBODY),
    Access("publish_price", _ADMINISTRATOR),
    Access("withdraw_price", _ADMINISTRATOR),
    Access("list_invoices", {"patient": Ownership.SELF, **_CLINIC}),
    Access("read_invoice", {"patient": Ownership.OWN, **_CLINIC}),
    Access("pay_invoice", {"patient": Ownership.OWN}),
    Access("list_payments", {"patient": Ownership.SELF, **_CLINIC}),
    Access("read_payment", {"patient": Ownership.OWN, **_CLINIC}),
    Access("check_payment", {"patient": Ownership.OWN, **_CLINIC}),
    Access("list_refunds", _ADMINISTRATOR),
    Access("retry_refund", _ADMINISTRATOR),
    Access(
        "receive_notification",
        {"anonymous": Ownership.TENANT},
        idempotency_key=False,
        max_body_bytes=65_536,
        tenant=False,
    ),
    *POLICY_ACCESS,
)
