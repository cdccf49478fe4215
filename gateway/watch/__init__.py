"""Readers of the trail: detectors find, incidents remember, notifications reach the person on call."""
