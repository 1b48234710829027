"""`palaver migrate`: brings what earlier versions kept up to what this one keeps."""

import sys

from core.errors import StoreError
from core.settings import Settings
from core.store.migrating import index_askers
from core.store.opening import opened


async def migrate(settings: Settings) -> int:
    """Do all there is to do, and say what it was. Returns the exit code."""
    try:
        url = settings.redis_url.get_secret_value()
        async with opened(url, settings.data_dir, settings.shards) as redis:
            made, looked_at = await index_askers(redis, settings.history_ttl)
    except StoreError as error:
        print(f"palaver: {error}", file=sys.stderr)
        return 1
    if made:
        print(f"noted who asked in {looked_at} conversations: {made} notes are new")
    else:
        print(f"nothing to do: {looked_at} conversations are as this version keeps them")
    return 0
