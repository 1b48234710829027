"""What the tools of `core.tools.of_turn` do in a turn."""

from collections.abc import Mapping

from core.tools.of_turn import IMAGE, MEMORY, REMIND, REMINDERS, SEARCH_HERE
from core.tools.tool import Action
from core.turn.tools.image import Painting
from core.turn.tools.memory import Proposing
from core.turn.tools.remind import Reminding
from core.turn.tools.search_here import Searching
from core.turn.tools.under_way import UnderWay


def actions(under_way: UnderWay) -> Mapping[str, Action]:
    """The actions in the answer that is *under_way*, by the names of their tools."""
    context = under_way.context
    reminding = Reminding(context)
    return {
        IMAGE.name: Painting(under_way).act,
        REMIND.name: reminding.act,
        REMINDERS.name: reminding.list,
        MEMORY.name: Proposing(under_way).act,
        SEARCH_HERE.name: Searching(context).act,
    }
