"""Every route as everybody."""

from typing import Any
from uuid import UUID

from consultation_room.bootstrap import describe
from service_kit.testing import Example, access_walk


async def test_every_route_lets_in_whom_the_table_names(world: Any) -> None:
    await world.opened()
    await world.opened("foreign", patient_id=world.other_patient, clinician_id=world.other_doctor)
    await world.tell()
    mine, theirs = (
        {"consultation_id": item["consultation_id"]}
        for item in sorted(
            (await world.get("", who="manager"))["items"],
            key=lambda item: item["patient_id"] != str(world.patient),
        )
    )
    world.clock.set(world.start)

    def example(json: Any = None) -> Example:
        return Example(path=mine, json=json, foreign=Example(path=theirs, json=json))

    own_file = (await world.upload(mine["consultation_id"], b"%PDF-1.7", "a.pdf")).json()
    their_file = await world.upload(
        theirs["consultation_id"], b"%PDF-1.7", "a.pdf", patient_id=world.other_patient
    )
    files = Example(
        path={**mine, "file_id": own_file["file_id"]},
        foreign=Example(path={**theirs, "file_id": their_file.json()["file_id"]}),
    )

    words = {"client_message_id": str(UUID(int=1)), "text": "Здравствуйте"}
    policy = {"key": "max_files", "value": 5, "reason": "TRIAL"}
    findings = await access_walk(
        world.process.app,
        {
            "read_consultation": example(),
            "connect": example(),
            "take_in_work": example(),
            "complete_consultation": example(),
            "read_messages": example(),
            "post_message": example(words),
            "share_file": example(),
            "read_file": files,
            "join_live": example(),
            "set_policy": Example(json=policy),
        },
        patient_id=world.patient,
        clinician_id=world.doctor,
    )
    assert findings == []


def test_the_document_names_the_live_path_and_every_problem() -> None:
    document = describe().openapi()
    assert document["x-live"] == ["/api/v1/consultations/{consultation_id}/live"]
    taking = document["paths"]["/api/v1/consultations/{consultation_id}/taking"]["post"]
    assert set(taking["responses"]) >= {"200", "402", "403", "404", "409"}
    assert taking["description"]
