"""From YAML to an immutable snapshot, or to a complete list of problems with their places."""
