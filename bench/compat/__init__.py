"""Drivers' own test suites, straight against PostgreSQL and through Menshen, compared: docs/compatibility.md."""
