"""The configuration: `load()` gives `Settings`, or every problem of the file at once."""

from gateway.config.loader import load
from gateway.config.settings import (
    DatabaseMode,
    DatabaseSettings,
    Durability,
    LimitSettings,
    ListenSettings,
    LogFormat,
    NotifySettings,
    PoolMode,
    PoolSettings,
    Secret,
    Settings,
    TlsMode,
    TlsSettings,
    WatchSettings,
)

__all__ = [
    "DatabaseMode",
    "DatabaseSettings",
    "Durability",
    "LimitSettings",
    "ListenSettings",
    "LogFormat",
    "NotifySettings",
    "PoolMode",
    "PoolSettings",
    "Secret",
    "Settings",
    "TlsMode",
    "TlsSettings",
    "WatchSettings",
    "load",
]
