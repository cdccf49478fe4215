"""All dashboards, in the order of their numbers."""

from __future__ import annotations

from dashboards.generate import breach, masking, overview, performance, trail, uses

BOARDS = (overview.BOARD, uses.BOARD, masking.BOARD, breach.BOARD, performance.BOARD, trail.BOARD)
