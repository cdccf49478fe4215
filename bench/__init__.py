"""Measurements: what the gateway costs beside PgBouncer and the bare database, in one run."""
