"""The README's pictures, made from a real run on the lab: ``make pictures``.

The lab must run, and stack dev must not be up. What the live view shows during the hand-off and at the end is drawn a
second time into SVG.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from kamaji_equinix.automation import ClusterStack, Event, HandoffProgress
from kamaji_equinix.automation.cli.live import View
from kamaji_equinix.automation.readiness import Look
from rich.console import Console, RenderableType

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
WIDTH = 112
STACK = "dev"

_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_TAGS = re.compile(r"<style.*?</style>|<[^>]*>", re.DOTALL)


class Camera:
    """A view that saves a picture of the hand-off and one of the end."""

    def __init__(self) -> None:
        self.view = View(f"up of stack {STACK}", Console(file=io.StringIO(), width=WIDTH, force_terminal=True))
        self.pictures: dict[str, str] = {}

    def event(self, event: Event) -> None:
        """Handle an event; the wait for the control plane's answer gets a picture."""
        self.view(event)
        if isinstance(event, HandoffProgress) and event.phase == "dial":
            self.take("hand-off")

    def look(self, look: Look) -> None:
        """Handle a look at a cluster."""
        self.view.look(look)

    def take(self, name: str) -> None:
        """Save a picture of the view."""
        self.pictures[name] = svg(self.view.render(), f"make up: {name}")


def svg(content: RenderableType, title: str) -> str:
    """Terminal output as SVG, with the reader's monospace font: a picture must not load a font from a server."""
    console = Console(record=True, file=io.StringIO(), width=WIDTH, force_terminal=True, color_system="standard")
    console.print(content)
    picture = console.export_svg(title=title, unique_id=re.sub(r"\W+", "-", title))
    return _FONT_FACE.sub("", picture).replace("Fira Code, monospace", "monospace")


def words(picture: str) -> set[str]:
    """The words of a picture, without numbers and random names."""
    text = _TAGS.sub(" ", picture).replace("&#160;", " ").replace("&#x27;", "'")
    return {word for word in re.findall(r"[A-Za-z][A-Za-z/:,.-]+", text) if not re.search(r"-[a-z0-9]{5}\b", word)}


def main() -> None:
    """Bring stack dev up, and write pictures of it."""
    camera = Camera()
    stack = ClusterStack(STACK, folder=FOLDER.parents[1], on_event=camera.event)
    stack.up()
    stack.wait_until_ready(on_look=camera.look)
    camera.take("tree")
    if "hand-off" not in camera.pictures:
        raise SystemExit(f"stack {STACK} was up already, and there was no hand-off to picture: `make down` first")
    FOLDER.mkdir(exist_ok=True)
    for name, picture in camera.pictures.items():
        (FOLDER / f"{name}.svg").write_text(picture)
        print(f"docs/pictures/{name}.svg")


if __name__ == "__main__":
    main()
