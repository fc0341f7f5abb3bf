"""Uploads are read as they come, and refused as soon as they are wrong."""

from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from service_kit.problems import Problem
from service_kit.uploads import incoming_file

HEAD = (
    b'--x\r\nContent-Disposition: form-data; name="file"; '
    b'filename="\xd0\xb0\xd0\xbd\xd0\xb0\xd0\xbb\xd0\xb8\xd0\xb7.pdf"\r\n'
    b"Content-Type: application/pdf\r\n\r\n"
)
FORM = HEAD + b"%PDF-\r\n--not the end" + b"\r\n--x--\r\n"


def request(
    chunks: Sequence[bytes], content_type: str = "multipart/form-data; boundary=x"
) -> Request:
    messages = iter(
        [
            *({"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks),
            {"type": "http.request", "body": b"", "more_body": False},
        ]
    )

    async def receive() -> Message:
        return next(messages)

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def read(content: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in content])


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_a_file_is_told_whatever_the_pieces_it_comes_in(size: int) -> None:
    chunks = [FORM[at : at + size] for at in range(0, len(FORM), size)]
    async with incoming_file(request(chunks)) as file:
        assert (file.name, file.declared_type) == ("анализ.pdf", "application/pdf")
        assert await read(file.content) == b"%PDF-\r\n--not the end"


async def test_the_file_is_known_before_its_content_has_come() -> None:
    async with incoming_file(request([HEAD])) as file:
        assert file.name == "анализ.pdf"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        HEAD + b"%PDF-",
        FORM.replace(b'name="file"', b'name="other"'),
        FORM.replace(b"; filename", b"; nofilename"),
        FORM.replace(b"\r\n--x--\r\n", b"\r\n") + HEAD + b"second\r\n--x--\r\n",
    ],
)
async def test_a_form_that_is_not_one_file_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as refused:
        async with incoming_file(request([body])) as file:
            await read(file.content)
    assert (refused.value.status, refused.value.code) == (400, "UPLOAD_INVALID")


async def test_an_upload_that_is_broken_off_is_refused() -> None:
    messages: Iterator[Message] = iter(
        [
            {"type": "http.request", "body": HEAD + b"%PDF-", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Message:
        return next(messages)

    broken = request([])
    broken._receive = receive
    with pytest.raises(Problem) as refused:
        async with incoming_file(broken) as file:
            await read(file.content)
    assert refused.value.code == "UPLOAD_INVALID"


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data"])
async def test_another_body_is_refused(content_type: str) -> None:
    with pytest.raises(Problem) as refused:
        async with incoming_file(request([FORM], content_type)):
            pass
    assert refused.value.status == 415


async def test_a_boundary_that_is_too_long_is_refused() -> None:
    with pytest.raises(Problem) as refused:
        async with incoming_file(request([FORM], f"multipart/form-data; boundary={'x' * 300}")):
            pass
    assert refused.value.status == 400
