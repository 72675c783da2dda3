"""Tiergate: an OpenAI-compatible gateway that sends every request to the cheapest tier able to handle it."""

__version__ = "0.1.0"
