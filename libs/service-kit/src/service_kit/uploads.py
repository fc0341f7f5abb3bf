"""Files that come in as `multipart/form-data` (RFC 7578), streamed: the route reads, nothing is kept in memory."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser
from starlette.requests import ClientDisconnect, Request

from service_kit.problems import Problem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

__all__ = ["FILE_BODY", "IncomingFile", "incoming_file"]

FILE_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}
"""For `openapi_extra` of a route that reads an `incoming_file`."""


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """The file of a form as its sender describes it; `content` can be read once."""

    name: str
    declared_type: str | None
    content: AsyncIterator[bytes]


@asynccontextmanager
async def incoming_file(request: Request, field: str = "file") -> AsyncIterator[IncomingFile]:
    """The file in the part `field`, the only part that the form may have.

    Raises Problem: 415 UNSUPPORTED_MEDIA_TYPE for another type of body, 400 UPLOAD_INVALID for a form that is none
    or ends too early (then while the content is read).
    """
    form = _Form(_boundary(request), field)
    async with aclosing(_parts(request, form)) as parts:
        if await anext(parts, None) is None:
            raise Problem(400, "UPLOAD_INVALID")
        yield IncomingFile(form.file_name, form.headers.get("content-type"), parts)


async def _parts(request: Request, form: "_Form") -> AsyncGenerator[bytes, None]:
    """An empty chunk when the headers of the file are read, then its content."""
    started = False
    with suppress(ClientDisconnect):  # then the form is not complete
        async for chunk in request.stream():
            content = form.feed(chunk)
            if form.begun and not started:
                started = True
                yield b""
            if content:
                yield content
    if not form.complete:
        raise Problem(400, "UPLOAD_INVALID")


def _boundary(request: Request) -> str:
    described = Message()
    described["content-type"] = request.headers.get("content-type", "")
    boundary = described.get_param("boundary")
    if described.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise Problem(415, "UNSUPPORTED_MEDIA_TYPE")
    return boundary


class _Form:
    """A push parser for a form of one file."""

    def __init__(self, boundary: str, field: str) -> None:
        self.headers = Message()
        self.file_name = ""
        self.begun = self.complete = False
        self._field = field
        self._name, self._value, self._content = bytearray(), bytearray(), bytearray()
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": lambda data, start, end: self._content.extend(data[start:end]),
            "on_end": self._on_end,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError:
            raise Problem(400, "UPLOAD_INVALID") from None

    def feed(self, chunk: bytes) -> bytes:
        """The content of the file in the next piece of the body."""
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise Problem(400, "UPLOAD_INVALID") from None
        content = bytes(self._content)
        self._content.clear()
        return content

    def _on_part_begin(self) -> None:
        if self.begun:
            raise Problem(400, "UPLOAD_INVALID")

    def _on_header_end(self) -> None:
        # Browsers send names of files in UTF-8, whatever the bytes of other headers mean.
        self.headers[self._name.decode("latin-1")] = self._value.decode("utf-8", "replace")
        self._name.clear()
        self._value.clear()

    def _on_headers_finished(self) -> None:
        name = self.headers.get_param("name", header="content-disposition")
        file_name = self.headers.get_filename("")
        if name != self._field or not file_name:
            raise Problem(400, "UPLOAD_INVALID")
        self.file_name, self.begun = file_name, True

    def _on_end(self) -> None:
        self.complete = True
