"""The spoken answer. It is an extra: the written answer is shown and committed before."""

import asyncio

from core.errors import ModelError, PlatformError, StoreError
from core.models.sound import seconds_of
from core.telemetry import logger
from core.turn.afford import audio
from core.turn.context import TurnContext

log = logger(__name__)

TIMEOUT_S = 150.0
LOOK_AGAIN_S = 1.0


async def speak(context: TurnContext, text: str) -> None:
    """Post *text* (Markdown) as a voice message. If that fails, the person can still read it.

    It is posted at most once: a call whose answer was lost is not made again.
    """
    speech, conversation = context.services.speech, context.claim.conversation
    if speech is None:
        return
    try:
        async with asyncio.timeout(TIMEOUT_S):
            sound = await speech.speak(text)
            spent = audio(context, seconds_of(sound))
            await context.spending.spend(context.services.settings.speech_model, spent)
            buckets = context.platform.budget(conversation)
            while (await context.services.pacer.budget.take(buckets, "preview")).wait_s:
                await asyncio.sleep(LOOK_AGAIN_S)
            await context.platform.send_voice(conversation, context.first.reply_to, sound)
    except (ModelError, PlatformError, StoreError, TimeoutError) as error:
        log.warning("not spoken", conversation=conversation, reason=str(error))
