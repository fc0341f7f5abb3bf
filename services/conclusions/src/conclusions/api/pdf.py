"""A PDF as an answer: streamed, byte for byte as stored (CON-46)."""

from collections.abc import AsyncGenerator, Mapping
from urllib.parse import quote

from starlette.responses import StreamingResponse

from file_store import begun

__all__ = ["answer_pdf"]


async def answer_pdf(
    content: AsyncGenerator[bytes, None],
    *,
    size: int,
    name: str,
    attachment: bool,
    headers: Mapping[str, str],
) -> StreamingResponse:
    """Begun before anything is sent, so that a file that cannot be opened is a problem answer."""
    kind = "attachment" if attachment else "inline"
    return StreamingResponse(
        await begun(content),
        media_type="application/pdf",
        headers={
            "Content-Length": str(size),
            "Content-Disposition": f"{kind}; filename=\"conclusion.pdf\"; filename*=UTF-8''{quote(name)}",
            "X-Content-Type-Options": "nosniff",
            **headers,
        },
    )
