"""The conclusion form: thirteen fields and the reason for the visit (CON-02, CON-04). Stored for ever."""

from dataclasses import dataclass, fields
from typing import Final

from vocabulary.sealed import Sealed

__all__ = ["FIELD_KEYS", "REASON_KEY", "ConclusionForm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConclusionForm:
    """What the doctor wrote, sealed for the patient. A field that was left empty is None.

    The order of the thirteen fields after the reason is their numbering in the form and on paper.
    """

    reason_for_visit: Sealed[str] | None = None
    complaints: Sealed[str] | None = None
    subjective_status: Sealed[str] | None = None
    history: Sealed[str] | None = None
    supplied_findings: Sealed[str] | None = None
    presumed_syndromes: Sealed[str] | None = None
    presumed_area: Sealed[str] | None = None
    differential_diagnosis: Sealed[str] | None = None
    emergency_measures: Sealed[str] | None = None
    routing: Sealed[str] | None = None
    recommendations: Sealed[str] | None = None
    treatment: Sealed[str] | None = None
    laboratory_diagnostics: Sealed[str] | None = None
    instrumental_diagnostics: Sealed[str] | None = None

    @property
    def filled(self) -> dict[str, Sealed[str]]:
        """The fields that say something, the reason too, in the order of the form."""
        values = {key: getattr(self, key) for key in (REASON_KEY, *FIELD_KEYS)}
        return {key: value for key, value in values.items() if value is not None}

    @property
    def has_findings(self) -> bool:
        """Whether any of the thirteen is filled: a reason alone concludes nothing."""
        return any(getattr(self, key) is not None for key in FIELD_KEYS)


REASON_KEY: Final = "reason_for_visit"
FIELD_KEYS: Final = tuple(
    field.name for field in fields(ConclusionForm) if field.name != REASON_KEY
)
