"""PostgreSQL: its wire protocol, its SQL, its catalogue."""
