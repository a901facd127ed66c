"""popover as it comes, and without a connection that stands ready."""

from bench.peers import Place, Popover


class PopoverAsIs(Popover):
    """With its defaults. The second way leads to a submission server, the third to one for IMAP."""

    def command(self, place: Place) -> list[str]:  # noqa: D102
        command = super().command(place)
        config = place.directory / "popover.toml"
        before, *services = config.read_text().split("pop3s://")
        named = (scheme + rest for scheme, rest in zip(("pop3s://", "smtps://", "imaps://"), services, strict=False))
        config.write_text(before + "".join(named))
        return command


class PopoverCold(PopoverAsIs):
    """Every session dials: what the first client after a long pause meets."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "popover, cold"

    def command(self, place: Place) -> list[str]:  # noqa: D102
        command = super().command(place)
        config = place.directory / "popover.toml"
        config.write_text(config.read_text().replace("max_sessions = 0", "max_sessions = 0\nwarm = 0"))
        return command
