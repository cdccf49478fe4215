"""Connections to one database: who gets one, how it is brought back to a clean state, and which are kept."""
