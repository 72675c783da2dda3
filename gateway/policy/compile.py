"""From types to a snapshot."""
