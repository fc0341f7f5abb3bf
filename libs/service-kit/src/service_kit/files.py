"""The files of a service that keeps some."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from file_store import SealedFiles, open_file_store
from privacy.sealing import Sealers
from service_kit.kit import Kit
from service_kit.settings import FileSettings, naming

__all__ = ["open_files"]


@asynccontextmanager
async def open_files(
    settings: FileSettings, kit: Kit, sealers: Sealers
) -> AsyncIterator[SealedFiles]:
    """The files under `settings.files_url`, until the context ends; `/readyz` tells whether the storage answers.

    Raises ConfigurationError for a URL that is none.
    """
    async with AsyncExitStack() as stack:
        with naming(settings, "files_url"):
            store = await stack.enter_async_context(
                open_file_store(settings.files_url.get_secret_value())
            )
        kit.health.add("files", store.check, required=False)
        yield SealedFiles(store, sealers)
