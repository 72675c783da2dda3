"""Composition root: settings, wiring, routes, process life and the command line."""
