"""Nouns of the gateway: frozen, slotted, typed. Standard library only; no I/O, clock or logging."""
