"""Read policy files."""
