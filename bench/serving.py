"""The program as benches run it: one platform, one scripted model, a folder that goes again."""

import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

from tests.harness import palaver


@asynccontextmanager
async def serving(platform, model, **settings):
    """*platform* answered by *model* until the block ends."""

    async def build(_):
        return [platform]

    with tempfile.TemporaryDirectory() as folder:
        async with (
            model.running(),
            palaver(
                Path(folder),
                build=build,
                llm_base_url=model.url,
                llm_model="scripted",
                history_tokens=0,
                log_level="ERROR",
                **settings,
            ),
        ):
            yield
