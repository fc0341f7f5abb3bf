"""The SMS side: the JSON form of the SMS.RU protocol."""

import asyncio
import hmac
import re
from typing import Annotated

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from sandbox.mail_sink.dependencies import Sink, SinkDep

router = APIRouter(prefix="/sms")

Json = dict[str, object]
OK, DELIVERED, NOT_FOUND = 100, 103, -1
WRONG_API_ID, NO_RECIPIENT, NO_TEXT, WRONG_NUMBER, UNAVAILABLE = 200, 202, 203, 207, 220
TEXTS = {
    DELIVERED: "Сообщение доставлено",
    NOT_FOUND: "Сообщение не найдено",
    WRONG_API_ID: "Неправильный api_id",
    NO_RECIPIENT: "Неправильно указан получатель",
    NO_TEXT: "Нет текста сообщения",
    WRONG_NUMBER: "На этот номер нельзя отправлять сообщения",
    UNAVAILABLE: "Сервис временно недоступен",
}


@router.post("/send")
async def send_sms(
    sink: SinkDep,
    api_id: Annotated[str, Form()] = "",
    to: Annotated[str, Form(description="Numbers separated by commas")] = "",
    msg: Annotated[str, Form()] = "",
    sender: Annotated[str, Form(alias="from")] = "sandbox",
) -> Response:
    """Keep one SMS for each number; the outcome is told number by number."""
    behaviour = await run_in_threadpool(sink.store.behaviour)
    await asyncio.sleep(behaviour.slow_seconds)
    if not hmac.compare_digest(api_id.encode(), sink.api_id.encode()):
        return _failed(WRONG_API_ID)
    if not to:
        return _failed(NO_RECIPIENT)
    if not msg:
        return _failed(NO_TEXT)
    if await run_in_threadpool(sink.store.spend, "sms_refuse_next"):
        return _failed(behaviour.sms_refuse_code)
    outcomes = {
        number: await run_in_threadpool(_keep, sink, number, msg, sender)
        for number in to.split(",")
    }
    if await run_in_threadpool(sink.store.spend, "sms_fail_after_accept"):
        return JSONResponse({"status": "ERROR", "status_code": 500}, 500)
    return JSONResponse({"status": "OK", "status_code": OK, "sms": outcomes, "balance": 1000.0})


@router.get("/status")
def show_sms_status(
    sink: SinkDep,
    api_id: Annotated[str, Query()] = "",
    sms_id: Annotated[str, Query(description="Ids separated by commas")] = "",
) -> Response:
    """Everything that was accepted counts as delivered."""
    if not hmac.compare_digest(api_id.encode(), sink.api_id.encode()):
        return _failed(WRONG_API_ID)
    outcomes = {one: _status(sink, one) for one in sms_id.split(",")}
    return JSONResponse({"status": "OK", "status_code": OK, "sms": outcomes})


def _keep(sink: Sink, number: str, text: str, sender: str) -> Json:
    phone = re.sub(r"[^\d]", "", number)
    if not re.fullmatch(r"\d{10,15}", phone):
        return _error(WRONG_NUMBER)
    kept = sink.store.add(
        kind="sms",
        sender=sender,
        recipients=[phone],
        subject="",
        identity=f"{phone}\n{text}",
        content=text.encode(),
        now=sink.clock(),
    )
    return {"status": "OK", "status_code": OK, "sms_id": f"000000-{kept:08}"}


def _status(sink: Sink, sms_id: str) -> Json:
    number = re.fullmatch(r"000000-(\d{8,})", sms_id)
    message = sink.store.get(int(number[1])) if number else None
    if message is None or message.kind != "sms":
        return _error(NOT_FOUND)
    return {"status": "OK", "status_code": DELIVERED, "status_text": TEXTS[DELIVERED], "cost": 0}


def _failed(code: int) -> JSONResponse:
    """SMS.RU answers 200 to everything and tells the trouble in the body."""
    return JSONResponse(_error(code))


def _error(code: int) -> Json:
    text = TEXTS.get(code, "Отказ по указанию песочницы")
    return {"status": "ERROR", "status_code": code, "status_text": text}
