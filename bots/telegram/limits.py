"""Telegram's rate limits: the buckets of each call in a chat."""

from core.platform import Bucket

# All calls in a chat that may count share its buckets: sends, edits, drafts, typing, reactions,
# deletes, pictures, topics. Each pair is (calls, seconds). Telegram's developers named only one
# number: about 20 a minute (levlam, tdlib/td#2592). One a second with short bursts is from the Bots
# FAQ, "My bot is hitting limits". UPTO is the most that anybody saw pass. Our minute is a little
# longer than Telegram's, so that late calls do not fall into the next minute's count.
MINUTE = (20, 61.0)
BURST = (3, 3.06)
PRIVATE_UPTO, FASTEST = 60, 5.0
GROUP_BURST_UPTO = 20


def place_budget(bot: int, tenant: str, chat: int) -> tuple[Bucket, ...]:
    """The buckets of which each call of *bot*, which is *tenant*, in *chat* takes a token.

    A negative *chat* is a group.
    """
    own = chat > 0
    key, kind = f"telegram:{bot}:{chat}", f"telegram:{bot}:{'private' if own else 'group'}"
    upto = PRIVATE_UPTO if own else 0
    minute = Bucket(key, *MINUTE, upto=upto, like=kind, of=tenant, own=own)
    burst = Bucket(
        f"{key}:burst",
        *BURST,
        refills=True,
        upto=0 if own else GROUP_BURST_UPTO,
        fastest=FASTEST if own else 1.0,
        like=f"{kind}:burst",
        of=tenant,
        own=own,
    )
    return (
        minute,
        burst,
        # "There is no global limit" (levlam, tdlib/td#3034). If there is one, it will be learned.
        Bucket(f"telegram:{bot}", 0, 1.0, of=tenant),
    )
