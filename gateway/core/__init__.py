"""Verbs that decide. Pure: state, event and time in; new state and commands out."""
