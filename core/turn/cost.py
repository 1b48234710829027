"""What an answer cost, counted in the metrics and logged in one line."""

import time
from collections.abc import Sequence

from msgspec.structs import replace

from core.messages import Spent
from core.models.chunks import Usage
from core.models.request import ChatRequest
from core.telemetry import label, logger
from core.turn.context import TurnContext
from core.turn.generation import Generation
from core.turn.spending import Estimate

log = logger(__name__)


def spent_on(generation: Generation, price: Sequence[float]) -> Spent:
    """What *generation* cost. The model's own count is used if there is one.

    *price*: as in `Usage.cost_usd`.
    """
    if generation.free:
        return Spent(turns=1)
    usage = generation.total()
    spent = spent_of(usage, generation.price or price)
    return replace(spent, turns=1, estimated=int(generation.estimated))


def spent_by(
    context: TurnContext, request: ChatRequest, generation: Generation
) -> tuple[str, Spent]:
    """The model that wrote *generation* for *request*, and what that cost."""
    client = context.services.model
    model = generation.model or request.model or client.model
    return model, spent_on(generation, client.price_of(model))


def spent_of(usage: Usage, price: Sequence[float] = ()) -> Spent:
    """*usage*, with its bill or what it costs at *price*."""
    return Spent(
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
        cost_usd=usage.cost_usd(price),
    )


def cost_of_pictures(
    context: TurnContext, pictures: int, model: str = "", *, turns: int = 0
) -> Estimate:
    """What *pictures* cost. An empty *model* is the operator's, or else the API's own default."""
    services = context.services
    cost = pictures * services.settings.image_price
    spent = Spent(turns=turns, pictures=pictures, cost_usd=cost)
    return {model or services.images.model or "pictures": spent}


def record(context: TurnContext, model: str, generation: Generation, spent: Spent) -> None:
    """Count an answer in the metrics and log it. The text is logged if the operator wants that."""
    tokens = context.services.metrics.tokens
    tokens.labels(label(model), "prompt").inc(spent.prompt_tokens)
    tokens.labels(label(model), "cached").inc(spent.cached_tokens)
    tokens.labels(label(model), "completion").inc(spent.completion_tokens)
    context.services.metrics.cost.labels(label(model)).inc(spent.cost_usd)
    log.info(
        "answered",
        conversation=context.claim.conversation,
        person=context.first.sender.id,
        model=model,
        outcome=generation.outcome,
        prompt_tokens=spent.prompt_tokens,
        cached_tokens=spent.cached_tokens,
        completion_tokens=spent.completion_tokens,
        estimated=bool(spent.estimated),
        cost_usd=round(spent.cost_usd, 6),
        first_token_s=None
        if generation.first_token_s is None
        else round(generation.first_token_s, 3),
        duration_s=round(time.monotonic() - generation.began, 3),
        answer=generation.best if context.services.settings.log_prompts else None,
        reason=str(generation.error) if generation.error else None,
    )
