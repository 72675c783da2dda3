"""The text of a policy and the name it is known by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PolicySource:
    """What was read, before anything is known of it. `name` is what problems call the file.

    `text` may be the file's bytes: whether they are UTF-8 is for the loader to say.
    """

    name: str
    text: str | bytes

    @property
    def content(self) -> bytes:
        """Return the bytes that identify this policy."""
        return self.text if isinstance(self.text, bytes) else self.text.encode("utf-8", "surrogatepass")
