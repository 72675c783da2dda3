"""What coding agents put into a user's turn around what the user asked: it is forwarded, and not taken for the request.

Reminders, the state of an editor and standing instructions come with every turn and may be a hundred times as long as
the request. How hard that is they do not tell, and what they quote of earlier turns would be read as asked now.
"""

from typing import Final

BLOCKS: Final = (
    "system-reminder",
    "environment_details",
    "environment_context",
    "INSTRUCTIONS",
    "user_instructions",
    "recommended_plugins",
    "memory_context",
    "env_context",
)
"""Names of elements that agents inject, as they write them: Claude Code, Cline and its kin, Codex, AutoGPT."""
_TAGS: Final = tuple((f"<{name}>", f"</{name}>") for name in BLOCKS)
_ANY_END: Final = "</"


def asked_text(text: str) -> str:
    """Return a turn's text without such blocks; empty where it holds nothing else. One that is not closed stays.

    Takes linear time: where one block is not closed, none of that name behind it is.
    """
    if _ANY_END not in text:
        return text
    left = text
    for begin, end in _TAGS:
        if begin in left:
            left = _without(left, begin, end)
    return text if left is text else left.strip()


def _without(text: str, begin: str, end: str) -> str:
    kept = []
    at = 0
    while (start := text.find(begin, at)) >= 0 and (stop := text.find(end, start)) >= 0:
        kept.append(text[at:start])
        at = stop + len(end)
    return "".join((*kept, text[at:])) if at else text
