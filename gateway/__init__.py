"""Menshen (门神): a policy-as-code access gateway for customer databases.

This package knows no database. It holds the words (`model`), the errors, the settings, the policy, the trail, the
metrics and the shell; everything that knows PostgreSQL is in `adapters.postgres`.
"""

__version__ = "0.1.0"
