"""Deterministic simulation: the real pipeline on virtual time; servers, clients and faults come from a seed."""
