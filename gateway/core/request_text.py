"""The text of one request as the stages of the difficulty model read it: cleaned once, whichever of them are asked."""

from gateway.core.features import TextFeatures, features_of
from gateway.core.plain_text import essence, turn_text


class RequestText:
    """The last user turn as it is to be read, and what stages make of it, each when it is first asked for.

    `unread` counts the characters between its ends that were not looked at, `turns` the request's turns.
    """

    __slots__ = ("_essence", "_features", "turn", "turns", "unread")

    def __init__(self, user_text: str, context_text: str = "", turns: int = 1) -> None:
        self.turn, self.unread = turn_text(user_text, context_text)
        self.turns = turns
        self._features: TextFeatures | None = None
        self._essence: str | None = None

    @property
    def features(self) -> TextFeatures:
        """Return its words and its shape: what every stage but an encoder reads."""
        if self._features is None:
            self._features = features_of(self.turn, self.unread)
        return self._features

    @property
    def essence(self) -> str:
        """Return what is cut into pieces: the turn without repeats, and without what is said around its request."""
        if self._essence is None:
            self._essence = essence(self.turn)
        return self._essence
