"""Trees of roles, classes, purposes and objects: what lies above a name, and what is wrong with a tree.

Casbin's role manager follows at most ten levels, the name itself included (`casbin/rbac/default_role_manager`), so a
deeper tree would silently lose its top: `too_deep` finds it, and the loader refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MAX_LEVELS = 10


class Forest:
    """Names and their direct parents; a name that is not known is its own root."""

    def __init__(self, parents: Mapping[str, Iterable[str]]) -> None:
        self._parents: dict[str, tuple[str, ...]] = {name: tuple(dict.fromkeys(p)) for name, p in parents.items()}
        self._above: dict[str, frozenset[str]] = {}

    @classmethod
    def of(cls, edges: Iterable[tuple[str, str]]) -> Forest:
        """From (name, parent) pairs."""
        parents: dict[str, list[str]] = {}
        for name, parent in edges:
            parents.setdefault(name, []).append(parent)
        return cls(parents)

    def add(self, name: str, parent: str) -> None:
        """One more edge; nothing lies below `name` yet."""
        self._parents[name] = tuple(dict.fromkeys((*self._parents.get(name, ()), parent)))
        self._above.pop(name, None)

    def edges(self) -> list[tuple[str, str]]:
        """(name, parent) pairs."""
        return [(name, parent) for name, parents in self._parents.items() for parent in parents]

    def above(self, name: str) -> frozenset[str]:
        """The name and everything above it."""
        known = self._above.get(name)
        if known is not None:
            return known
        seen = {name}
        todo = [name]
        while todo:
            for parent in self._parents.get(todo.pop(), ()):
                if parent not in seen:
                    seen.add(parent)
                    todo.append(parent)
        found = frozenset(seen)
        if name in self._parents:
            self._above[name] = found
        return found

    def cycles(self) -> list[tuple[str, ...]]:
        """Each cycle once, from its first name in the order of the file."""
        found: list[tuple[str, ...]] = []
        done: set[str] = set()
        for start in self._parents:
            self._walk(start, done, found)
        return found

    def _walk(self, start: str, done: set[str], found: list[tuple[str, ...]]) -> None:
        # Iterative depth-first walk: a bundle may hold a chain that is longer than the interpreter's stack.
        trail: dict[str, None] = {}
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            name, at = stack.pop()
            if at == 0:
                if name in done:
                    continue
                trail[name] = None
            parents = self._parents.get(name, ())
            if at < len(parents):
                stack.append((name, at + 1))
                parent = parents[at]
                if parent in trail:
                    names = list(trail)
                    found.append(tuple(names[names.index(parent) :]))
                elif parent not in done:
                    stack.append((parent, 0))
            else:
                del trail[name]
                done.add(name)

    def levels(self, name: str) -> int:
        """Names on the longest way up, the name itself included; ends early above `MAX_LEVELS` and in a cycle."""
        count, here = 0, {name}
        while here and count <= MAX_LEVELS:
            count += 1
            here = {parent for one in here for parent in self._parents.get(one, ())}
        return count

    def too_deep(self, limit: int = MAX_LEVELS) -> list[str]:
        """Names from which the way up is longer than Casbin follows."""
        return [name for name in self._parents if self.levels(name) > limit]
