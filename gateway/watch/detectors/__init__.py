"""The detectors: each a small class over the stream of records, with an explicit state and a description for people."""

from __future__ import annotations

from gateway.watch.detectors.base import About, Detector, Options, Setting
from gateway.watch.detectors.bulk_export import BulkExport
from gateway.watch.detectors.bypass import Backend, Bypass, strangers
from gateway.watch.detectors.denial_burst import DenialBurst
from gateway.watch.detectors.first_use import FirstUse
from gateway.watch.detectors.health import Health
from gateway.watch.detectors.honey import Honey
from gateway.watch.detectors.lookup_enumeration import LookupEnumeration
from gateway.watch.detectors.one_subject_many import OneSubjectMany
from gateway.watch.detectors.scraping import Scraping
from gateway.watch.detectors.seen import Seen, Zone
from gateway.watch.detectors.shared_credential import SharedCredential
from gateway.watch.detectors.slow_drip import SlowDrip
from gateway.watch.detectors.subjects import ManySubjects
from gateway.watch.detectors.unusual_hour import UnusualHour
from gateway.watch.detectors.volume import Volume

DETECTORS: dict[str, type[Detector]] = {
    one.about.name: one
    for one in (
        Volume, ManySubjects, FirstUse, UnusualHour, DenialBurst, Scraping, LookupEnumeration, OneSubjectMany, Honey,
        BulkExport, SharedCredential, SlowDrip, Bypass, Health,
    )
}  # fmt: skip

__all__ = ["DETECTORS", "About", "Backend", "Detector", "Honey", "Options", "Seen", "Setting", "Zone", "strangers"]
