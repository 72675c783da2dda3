"""What the demo asks: everyday and hard questions, written for it, in the order in which the table shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

CITY: Final[Mapping[str, Any]] = {
    "type": "json_schema",
    "json_schema": {
        "name": "office",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Lisbon", "Porto"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


@dataclass(frozen=True, slots=True)
class Question:
    """One request. `model` is what the client names.

    `reworded` asks the same in other words, `unlike` something else in nearly the same words.
    """

    text: str
    model: str = "auto"
    stream: bool = False
    response_format: Mapping[str, Any] | None = None
    reworded: str | None = None
    unlike: str | None = None

    def request(self) -> dict[str, Any]:
        """Return the arguments for the client's `chat.completions.create`."""
        asked: dict[str, Any] = {"model": self.model, "messages": [{"role": "user", "content": self.text}]}
        if self.stream:
            asked["stream"] = True
        if self.response_format is not None:
            asked["response_format"] = self.response_format
        return asked


@dataclass(frozen=True, slots=True)
class Together:
    """Ask the same at the same moment: one call answers all."""

    question: Question
    count: int = 2

    @property
    def questions(self) -> Sequence[Question]:
        """Return what is sent."""
        return (self.question,) * self.count


@dataclass(frozen=True, slots=True)
class Again:
    """Ask an earlier question once more, the first whose answer ended by itself: such answers are kept."""

    stream: bool = False


@dataclass(frozen=True, slots=True)
class Reworded:
    """Ask an earlier question in other words, one whose answer was kept: it does for both."""


@dataclass(frozen=True, slots=True)
class Unlike:
    """Ask something else in nearly the words of a kept answer's question: that answer must not be given."""


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill the model server that has answered most so far, the top tier's apart."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Start the killed server again."""


Step: TypeAlias = Question | Together | Again | Reworded | Unlike | Kill | Restart


def script(top: str) -> Sequence[Step]:
    """Return the demo's steps. `top` is the dearest tier, which one of the questions names."""
    return (
        Question(
            "What is the capital of Portugal?",
            stream=True,
            reworded="What's the capital of Portugal?",
            unlike="What is the capital of Poland?",
        ),
        Question(
            "Which is heavier, a kilo of lead or a kilo of wool?",
            reworded="Which weighs more, a kilo of lead or a kilo of wool?",
            unlike="Which is lighter, a kilo of lead or a kilo of wool?",
        ),
        Question("Write a haiku about a lighthouse in fog.", stream=True),
        Question(
            "A shop sells pens at 3 for 2 euros. What do 12 pens cost?",
            stream=True,
            reworded="A shop is selling pens at 3 for 2 euros. What do 12 pens cost?",
            unlike="A shop sells pens at 3 for 2 euros. What do 15 pens cost?",
        ),
        Question("Explain the difference between TCP and UDP to a new colleague.", model="gpt-4o", stream=True),
        Question(
            "A tank fills at 7 litres a minute and drains at 4. It holds 120 litres. How long until it is full?",
            stream=True,
        ),
        Question("Extract the city from this sentence: 'Our office in Lisbon opens in May.'", response_format=CITY),
        Question("Let f be continuous on [0, 1] with f(0) = f(1). Prove that there is an x with f(x) = f(x + 1/2)."),
        Question("Is this review positive or negative? 'The soup was cold and the waiter was rude.'"),
        Question(
            "Which side effects make a beta blocker a poor choice for a patient with asthma, "
            "and what would you give instead?",
            stream=True,
        ),
        Question("Find all integer solutions of x^2 - 7y^2 = 1 with 0 < y < 100.", stream=True),
        Question("Tell me in one sentence who you are.", model=top),
        Again(),
        Again(stream=True),
        Together(Question("Recommend a good book on the history of maps.", stream=True)),
        Reworded(),
        Unlike(),
        Kill(),
        Question("Name three fruits that grow on trees.", stream=True),
        Question("Translate 'good morning' into French."),
        Question("Under English contract law, when does silence amount to acceptance of an offer?", stream=True),
        Again(),
        Question("Evaluate the integral of x^2 e^{-x} from 0 to infinity.", stream=True),
        Restart(),
        Question("What colour is a ripe banana?", stream=True),
    )
