"""The doctor writes, previews and attaches; the patient downloads what was signed."""

import asyncio
import time
from typing import Any

from journeys.person import Person, Refused

__all__ = ["DRAFT", "download", "published", "write_and_attach"]

DRAFT = {
    "reason_for_visit": "Кашель и слабость в течение трёх дней",
    "complaints": "Сухой кашель, слабость, температура до 37,8 °C вечером.",
    "subjective_status": "Состояние удовлетворительное. ЧСС 82, ЧДД 17, АД 122/78. Кожа чистая, отёков нет.",
    "history": "Аллергии отрицает. Хронических заболеваний нет. Операций и травм не было.",
    "supplied_findings": "Общий анализ крови от вчерашнего дня: лейкоциты 7,1; СОЭ 14.",
    "presumed_syndromes": "Катаральный синдром, интоксикационный синдром лёгкой степени.",
    "presumed_area": "Верхние дыхательные пути.",
    "differential_diagnosis": "ОРВИ, грипп, бактериальный фарингит.",
    "emergency_measures": "Не требуются.",
    "routing": "Очный осмотр терапевта при температуре выше 38,5 °C дольше трёх суток.",
    "recommendations": "Покой, обильное тёплое питьё, проветривание.",
    "treatment": "Симптоматическая терапия по согласованию на очном приёме.",
    "laboratory_diagnostics": "Общий анализ крови в динамике через пять дней.",
    "instrumental_diagnostics": "По показаниям: рентгенография органов грудной клетки.",
}


async def write_and_attach(
    doctor: Person, consultation_id: str, seconds: float | None = None
) -> dict[str, Any]:
    """Fill in the form, look at the preview, attach it: it is signed without a further step (CON-24)."""
    at = f"/api/v1/consultations/{consultation_id}/conclusion"
    patience = time.monotonic() + (seconds or doctor.patience_seconds)
    while True:
        try:
            await doctor.put(f"{at}/draft", DRAFT)
            break
        except Refused as refused:
            # The end of the consultation is still on its way here.
            if refused.status not in {404, 409} or time.monotonic() > patience:
                raise
        await asyncio.sleep(0.2)
    preview = await doctor.post(f"{at}/preview")
    attached: dict[str, Any] = await doctor.post(
        f"{at}/attachment", {"document_id": preview["document_id"]}
    )
    return attached


async def published(
    doctor: Person, consultation_id: str, seconds: float | None = None
) -> dict[str, Any]:
    """Signed and published."""
    found: dict[str, Any] = await doctor.until(
        f"/api/v1/consultations/{consultation_id}/conclusion",
        "the conclusion is published",
        seconds,
        status="PUBLISHED",
    )
    return found


async def download(
    patient: Person, consultation_id: str | None = None
) -> tuple[dict[str, Any], bytes]:
    """The conclusion of a consultation, or else the newest of the medcard, and its file."""
    patience = time.monotonic() + patient.patience_seconds
    while time.monotonic() < patience:
        listed = await patient.get("/api/v1/medcard/conclusions")
        for card in listed["items"]:
            if consultation_id not in {None, card["consultation_id"]}:
                continue
            answer = await patient.ask(
                "GET", f"/api/v1/conclusions/{card['conclusion_id']}/document"
            )
            return card, answer.content
        await asyncio.sleep(0.1)
    raise AssertionError("no conclusion in the medcard")
