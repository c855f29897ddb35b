"""Whether each link of the built site that stays in it leads somewhere: to a file, and to a place in that file::

python docs/check_site.py docs/_build
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links of a page, and its places that a link may lead to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("href", "src"):
                self.links.add(value)
            elif value and name == "id":
                self.places.add(value)


def broken(site: Path) -> list[str]:
    """The links that lead nowhere, as ``page -> link``."""
    pages = {path: Page(path) for path in site.rglob("*.html")}
    found = []
    for path, page in sorted(pages.items()):
        for link in sorted(page.links):
            parts = urlsplit(link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            is_there = target in pages or target.is_file()
            has_place = not parts.fragment or target not in pages or unquote(parts.fragment) in pages[target].places
            if not parts.scheme and not parts.netloc and not (is_there and has_place):
                found.append(f"{path.relative_to(site)} -> {link}")
    return found


if __name__ == "__main__":
    wrong = broken(Path(sys.argv[1]).resolve())
    sys.exit("\n".join(wrong) or None)
