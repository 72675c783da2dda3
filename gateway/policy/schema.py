"""The file format, as types."""
