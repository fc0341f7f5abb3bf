"""Who may read the audit trail."""

from service_kit.access import Access, AccessTable, Ownership

__all__ = ["ACCESS"]

ACCESS = AccessTable(
    Access("read_appointment_timeline", {"administrator": Ownership.TENANT}),
    Access("read_subject_timeline", {"administrator": Ownership.TENANT}),
)
