"""A PDF as an answer: streamed, byte for byte as stored (CON-46)."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from urllib.parse import quote

from starlette.responses import StreamingResponse

__all__ = ["answer_pdf"]


async def answer_pdf(
    content: AsyncGenerator[bytes, None],
    *,
    size: int,
    name: str,
    attachment: bool,
    headers: Mapping[str, str],
) -> StreamingResponse:
    """The first piece is read before anything is sent, so that a file that cannot be opened is a problem answer."""
    first = await anext(content)
    kind = "attachment" if attachment else "inline"
    return StreamingResponse(
        _rest(first, content),
        media_type="application/pdf",
        headers={
            "Content-Length": str(size),
            "Content-Disposition": f"{kind}; filename=\"conclusion.pdf\"; filename*=UTF-8''{quote(name)}",
            "X-Content-Type-Options": "nosniff",
            **headers,
        },
    )


async def _rest(first: bytes, content: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    try:
        yield first
        async for chunk in content:
            yield chunk
    finally:
        await content.aclose()
