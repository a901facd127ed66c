"""popover as it comes, and without a connection that stands ready."""

from bench.peers import Place, Popover


class PopoverAsIs(Popover):
    """With its defaults."""


class PopoverCold(Popover):
    """Every session dials: what the first client after a long pause meets."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "popover, cold"

    def command(self, place: Place) -> list[str]:  # noqa: D102
        command = super().command(place)
        config = place.directory / "popover.toml"
        config.write_text(config.read_text() + "warm = 0\n")
        return command
