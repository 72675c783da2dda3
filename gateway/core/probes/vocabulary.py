"""Plain words that probes are made of: common ones, so that the difficulty model knows the text as it knows traffic."""

from typing import Final

NAMES: Final = ("Anna", "Ben", "Clara", "David", "Emma", "Frank", "Grace", "Henry", "Iris", "Jack", "Kate", "Leo")
THINGS: Final = ("apples", "books", "coins", "pens", "stamps", "cards", "stones", "tickets")
COLOURS: Final = ("red", "blue", "green", "yellow", "black", "white", "orange", "purple", "brown", "pink")
CITIES: Final = ("Paris", "London", "Rome", "Berlin", "Madrid", "Vienna", "Tokyo", "Boston", "Chicago", "Dublin")
ANIMALS: Final = ("dog", "cat", "horse", "cow", "sheep", "mouse", "lion", "tiger", "bear", "rabbit", "goat", "duck")
JOBS: Final = ("teacher", "doctor", "farmer", "nurse", "pilot", "lawyer", "writer", "driver")
TOPICS: Final = ("water", "music", "school", "trees", "money", "food", "light", "friends")
WORDS: Final = (
    "about", "again", "always", "animal", "answer", "around", "balance", "before", "better", "between", "bridge",
    "brother", "build", "carry", "center", "change", "children", "choose", "city", "clean", "clear", "close", "color",
    "common", "country", "cover", "credit", "danger", "decide", "doctor", "early", "earth", "energy", "enough",
    "example", "family", "father", "field", "figure", "final", "finger", "follow", "forest", "friend", "garden",
    "general", "glass", "ground", "happy", "heart", "heavy", "history", "house", "human", "image", "island", "kitchen",
    "language", "large", "leader", "letter", "level", "light", "listen", "little", "machine", "market", "matter",
    "member", "memory", "middle", "minute", "model", "modern", "moment", "money", "morning", "mother", "mountain",
    "music", "nation", "nature", "never", "night", "notice", "number", "object", "office", "often", "orange", "order",
    "other", "paper", "people", "person", "phone", "picture", "place", "plant", "point", "power", "present", "price",
    "problem", "produce", "public", "quality", "question", "reason", "record", "remember", "report", "result",
    "river", "school", "science", "season", "second", "secret", "simple", "sister", "small", "social", "space",
    "spring", "station", "stone", "story", "street", "strong", "student", "study", "summer", "system", "table",
    "teacher", "theory", "thing", "think", "travel", "under", "value", "village", "visit", "voice", "water", "weather",
    "white", "window", "winter", "wonder", "world", "writer", "yellow", "young",
)  # fmt: skip
FINISH: Final = "You may reason first. Finish with a line of the form `Answer: …`."
ONLY: Final = "Reply with nothing else."
