"""The answer, spoken: a nicety behind the written one, which stands and is committed already."""

import asyncio

from core.errors import ModelError, PlatformError, StoreError
from core.telemetry import logger
from core.turn.stage import Stage

log = logger(__name__)

PATIENCE_S = 150.0
LOOK_AGAIN_S = 1.0


async def speak(stage: Stage, text: str) -> None:
    """Let *text* (Markdown) be heard; where that fails, it can still be read.

    It is posted once at the most: a call whose answer was lost is not made again.
    """
    speech, conversation = stage.services.speech, stage.claim.conversation
    if speech is None:
        return
    try:
        async with asyncio.timeout(PATIENCE_S):
            sound = await speech.speak(text)
            buckets = stage.platform.budget(conversation)
            while (await stage.services.pacer.budget.take(buckets, "preview")).wait_s:
                await asyncio.sleep(LOOK_AGAIN_S)
            await stage.platform.send_voice(conversation, stage.first.reply_to, sound)
    except (ModelError, PlatformError, StoreError, TimeoutError) as error:
        log.warning("not spoken", conversation=conversation, reason=str(error))
