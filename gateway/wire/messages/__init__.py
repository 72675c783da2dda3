"""Bytes to nouns and back: the only room that knows JSON, SSE and the spelling of headers."""
