"""Sizing: measurements of a real stack, and a simulation of fleets."""
