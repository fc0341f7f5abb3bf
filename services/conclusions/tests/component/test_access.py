"""Every route as everybody, by the declared table."""

from typing import Any
from uuid import UUID

import pytest

from service_kit.testing import Example, access_walk

Service = Any

ANNA = UUID("01936f00-0000-7000-8000-00000000000a")
BORIS = UUID("01936f00-0000-7000-8000-00000000000b")
DOCTOR = UUID("01936f00-0000-7000-8000-0000000000d1")
COLLEAGUE = UUID("01936f00-0000-7000-8000-0000000000d2")


def of(path: dict[str, object], foreign: dict[str, object], json: object = None) -> Example:
    return Example(path=path, json=json, foreign=Example(path=foreign, json=json))


@pytest.mark.requirement("GW-24", "CON-45")
async def test_every_route_lets_in_whom_the_table_names_and_nobody_else(service: Service) -> None:
    writing = await service.complete(number=1)
    foreign_writing = await service.complete(number=2, clinician=COLLEAGUE)
    mine = await service.publish(await service.complete(number=3))
    # A conclusion of another patient by another doctor.
    theirs = await service.publish(
        await service.complete(BORIS, 4, clinician=COLLEAGUE), clinician_id=COLLEAGUE
    )
    await service.runner.drain()
    by_consultation = ({"consultation_id": writing}, {"consultation_id": foreign_writing})
    by_conclusion = (
        {"conclusion_id": mine["conclusion_id"]},
        {"conclusion_id": theirs["conclusion_id"]},
    )
    policy = {"key": "upload_limit_mb", "value": 10, "reason": "TRIAL"}
    examples = {
        "read_draft": of(*by_consultation),
        "save_draft": of(*by_consultation, {"complaints": "Кашель"}),
        "generate_preview": of(*by_consultation),
        "view_preview": of(*by_consultation),
        "discard_preview": of(*by_consultation),
        "attach_conclusion": of(*by_consultation, {"document_id": str(ANNA)}),
        "upload_conclusion": of(*by_consultation),
        "sign_conclusion": of(*by_consultation),
        "read_consultation_conclusion": of(*by_consultation),
        "read_conclusion": of(*by_conclusion),
        "open_document": of(*by_conclusion),
        "verify_signature": Example(path=by_conclusion[0]),
        "set_policy": Example(json=policy),
    }
    findings = await access_walk(service.app, examples, patient_id=ANNA, clinician_id=DOCTOR)
    assert findings == []
