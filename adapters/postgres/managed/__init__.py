"""Managed mode: the veils as security-barrier views in the database, and a role of its own for each persona."""
