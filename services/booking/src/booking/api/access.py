"""Who may do what in booking."""

from policies.api import POLICY_ACCESS
from service_kit.access import Access, AccessTable, Ownership

__all__ = ["ACCESS"]

_ANYBODY = dict.fromkeys(
    ("anonymous", "patient", "clinician", "manager", "administrator"), Ownership.TENANT
)
_CLINIC = {"manager": Ownership.TENANT, "administrator": Ownership.TENANT}
_DOCTOR_OR_CLINIC = {"clinician": Ownership.OWN, **_CLINIC}
_EVERY_SIDE = {"patient": Ownership.OWN, **_DOCTOR_OR_CLINIC}

ACCESS = AccessTable(
    Access("search", _ANYBODY),
    Access("list_doctors", _ANYBODY),
    Access("read_doctor", _ANYBODY),
    Access("read_calendar", _ANYBODY),
    Access("read_slots", _ANYBODY),
    Access("set_default_service", _CLINIC),
    Access("summarise_slot", {"patient": Ownership.SELF}),
    Access("reserve_appointment", {"patient": Ownership.SELF}),
    Access("list_appointments", {"patient": Ownership.SELF}),
    Access("read_appointment", _EVERY_SIDE),
    Access("cancel_appointment", _EVERY_SIDE),
    Access("reschedule_appointment", {"patient": Ownership.OWN, **_CLINIC}),
    Access("complete_visit", _DOCTOR_OR_CLINIC),
    Access("mark_visit_missed", _DOCTOR_OR_CLINIC),
    Access("list_doctor_appointments", {"clinician": Ownership.SELF}),
    Access("create_template", _DOCTOR_OR_CLINIC),
    Access("list_templates", _DOCTOR_OR_CLINIC),
    Access("read_template", _DOCTOR_OR_CLINIC),
    Access("update_template", _DOCTOR_OR_CLINIC),
    Access("delete_template", _DOCTOR_OR_CLINIC),
    Access("activate_template", _DOCTOR_OR_CLINIC),
    Access("deactivate_template", _DOCTOR_OR_CLINIC),
    *POLICY_ACCESS,
)
