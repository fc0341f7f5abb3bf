"""Who may do what in notifications."""

from policies.api import POLICY_ACCESS
from service_kit.access import Access, AccessTable, Ownership

__all__ = ["ACCESS"]

ACCESS = AccessTable(
    Access("list_notifications", {"patient": Ownership.SELF, "clinician": Ownership.SELF}),
    Access("list_messages", {"administrator": Ownership.TENANT}),
    *POLICY_ACCESS,
)
