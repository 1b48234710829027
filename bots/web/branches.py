"""The branches of a conversation: which questions of its posts are shown. Pure.

An edited question stands beside its earlier wordings: all go on from the same question before them.
So the questions are a tree, and what is shown is one way through it: of several wordings the one
under which something was asked or chosen last. `branches.js` has the same law for the page.
"""

from collections.abc import Mapping

from bots.web.posts import Post


class Tree:
    """The questions among *posts*. A question's name is its id; empty: what is before the first."""

    def __init__(self, posts: Mapping[int, Post]) -> None:
        self.keys: dict[str, int] = {}
        self._before: dict[str, str] = {}
        self._behind: dict[str, list[str]] = {"": []}
        self._answered: set[str] = set()
        rank: dict[str, float] = {}
        last = ""
        for key, post in sorted(posts.items()):
            if post.author == "person" and post.id:
                # Earlier versions had no branches, and did not write what is before a question.
                before = last if post.after is None else post.after
                self._before[post.id] = before = before if before in self.keys else ""
                self._behind[before].append(post.id)
                self._behind[post.id] = []
                self.keys[post.id] = key
                rank[post.id] = max(post.at, post.chosen)
                last = post.id
            elif post.author == "bot" and not post.growing:
                self._answered.add(post.to if post.to in self.keys else last)
        for one in reversed(self.keys):
            before = self._before[one]
            rank[before] = max(rank.get(before, 0.0), rank[one])
        self._rank = rank

    @property
    def newest(self) -> float:
        """What is to be shown from now on is asked or chosen later than this."""
        return self._rank.get("", 0.0)

    def before(self, question: str) -> str:
        return self._before[question]

    def answered(self, question: str) -> bool:
        """Whether an answer to *question* has ended."""
        return question in self._answered

    def end(self, question: str = "") -> str:
        """The last question that is shown behind *question*, or *question* itself."""
        while behind := self._behind[question]:
            question = max(behind, key=lambda one: (self._rank[one], self.keys[one]))
        return question

    def way(self, question: str) -> list[str]:
        """The questions from the first one to *question*."""
        way = []
        while question:
            way.append(question)
            question = self._before[question]
        return way[::-1]

    def elsewhere(self, question: str) -> tuple[str, ...]:
        """The questions that are not on the way to *question*."""
        way = set(self.way(question))
        return tuple(one for one in self.keys if one not in way)
