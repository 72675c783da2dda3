"""What can go wrong with a server that scores requests, whichever protocol it speaks."""

from gateway.domain.ability import ClassifierOutcome


class RemoteTrouble(Exception):
    """There is no score from the server. The message says why, without the credential."""

    outcome = ClassifierOutcome.ERROR


class Unreachable(RemoteTrouble):
    """Nobody answers there, or it is not ready yet."""


class TooLate(RemoteTrouble):
    """The answer did not come in time."""

    outcome = ClassifierOutcome.TIMEOUT


class Overloaded(RemoteTrouble):
    """The server, or the way to it, is full."""

    outcome = ClassifierOutcome.OVERLOAD


class Refused(RemoteTrouble):
    """The server will not have this model or this caller: nothing that passes by itself."""


class BadAnswer(RemoteTrouble):
    """The answer is not what the protocol or the model promises."""


class Misfit(Exception):
    """The server serves something else than what is wanted of it. The message says what, where, and how to mend it."""
