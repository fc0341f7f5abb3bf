"""Reading appointments: the patient's records, one appointment, the doctor's list."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from booking.api.access import ACCESS
from booking.api.dependencies import CatchUpDep, QueriesDep, SealersDep, the_clinician, the_patient
from booking.api.shown_appointments import AppointmentOut, Surroundings, own_record
from booking.read_models import my_records, patients
from booking.read_models.my_records import RecordFilter, RecordRow
from service_kit.access import Caller
from service_kit.reads import Page, PageQuery, PageQueryDep, instant, page_of
from vocabulary.ids import AppointmentId, PatientId

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["appointments"])


class DoctorAppointmentOut(AppointmentOut):
    """An appointment as the doctor sees it; the name is null once the patient's data are erased."""

    patient_id: PatientId
    patient_name: str | None


@router.get("/appointments")
async def list_appointments(
    db: QueriesDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_appointments"))],
    page: PageQueryDep,
    which: Annotated[RecordFilter, Query(alias="filter")] = RecordFilter.CURRENT,
) -> Page[AppointmentOut]:
    """List the own appointments: current ones in order of time, past ones with the latest first."""
    rows = await my_records.of_patient(
        db,
        caller.tenant,
        the_patient(caller),
        which,
        now=caller.now,
        after=_after(page),
        limit=page.limit + 1,
    )
    beside = await Surroundings.of(rows, db, caller.tenant)
    return page_of(rows, page, key=_place, show=lambda row: beside.show(row, caller.language))


@router.get("/appointments/{appointment_id}")
async def read_appointment(
    appointment_id: AppointmentId,
    db: QueriesDep,
    catch_up: CatchUpDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("read_appointment"))],
) -> AppointmentOut:
    """Read one appointment; to see a change at once, send back the `Kabinet-Position` of its answer."""
    row = await own_record(appointment_id, db, caller, catch_up)
    beside = await Surroundings.of([row], db, caller.tenant)
    return beside.show(row, caller.language)


@router.get("/doctor/appointments", tags=["doctors"])
async def list_doctor_appointments(
    db: QueriesDep,
    sealers: SealersDep,
    caller: Annotated[Caller, Depends(ACCESS.allow("list_doctor_appointments"))],
    page: PageQueryDep,
) -> Page[DoctorAppointmentOut]:
    """List the own upcoming appointments of a doctor in order of time."""
    rows = await my_records.of_doctor(
        db,
        caller.tenant,
        the_clinician(caller),
        now=caller.now,
        after=_after(page),
        limit=page.limit + 1,
    )
    beside = await Surroundings.of(rows, db, caller.tenant)
    known = await patients.by_ids(db, caller.tenant, {row.patient_id for row in rows})
    sealed = [part for patient in known.values() for part in patient.sealed_name]
    opened = dict(zip(sealed, await sealers.of(caller.tenant).open_known(sealed), strict=True))

    def show(row: RecordRow) -> DoctorAppointmentOut:
        patient = known.get(row.patient_id)
        parts = [opened[part] for part in patient.sealed_name] if patient else []
        return DoctorAppointmentOut(
            **dict(beside.show(row, caller.language)),
            patient_id=row.patient_id,
            patient_name=" ".join(filter(None, parts)) or None,
        )

    return page_of(rows, page, key=_place, show=show)


def _after(page: PageQuery) -> tuple[datetime, AppointmentId] | None:
    return page.place(at=instant, id=UUID)


def _place(row: RecordRow) -> dict[str, str]:
    return {"at": row.starts_at.isoformat(), "id": str(row.appointment_id)}
