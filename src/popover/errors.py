"""What can go wrong, and for whom the words are.

    PopoverError
    +-- ConfigError        the operator wrote something we cannot do; nothing was started
    +-- StartError         the configuration is right, this machine does not allow it (port in use, ...)
    +-- Failure            one session cannot go on; `cause` is for both people, `remedy` for the operator
        +-- Refused        we did not let the client in (guard)
        +-- Misdialled     the client speaks something else: TLS or HTTP sent to a mail port
        +-- HandshakeFailure  the client and we have not come to TLS
        +-- NameFailure    the server's name gives no address
        +-- ConnectFailure no connection to any of its addresses
        +-- TLSFailure     connected, but there is no verified TLS
        +-- SecretFailure  what an account has to say, or to be asked for, cannot be read
        +-- ServerFailure  TLS stands, but no mail server speaks behind it
            +-- SignInFailure  one does, but it cannot be told the login, or gives no answer to it
        +-- MailRefused    a device's mail, by its server and for good
        +-- SignInNeeded   an account's provider wants a person to sign in (OAuth2): it will not pass by itself
        +-- ProviderFailure  an account's provider gives no token now: it may at the next try
        +-- OurFailure     a bug of ours: logged with a traceback, told to the client in general words

A `Failure` reaches two people. The user of the client gets `cause` as one line in the words of the
dialect; the operator gets `cause` and `remedy` in the log. Neither ever holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterable


class PopoverError(Exception):
    """The root of everything that popover raises on purpose."""


class ConfigError(PopoverError):
    """The configuration has `mistakes`, one line each, in plain words with what would be right."""

    def __init__(self, mistakes: Iterable[str] | str) -> None:
        self.mistakes: tuple[str, ...] = (mistakes,) if isinstance(mistakes, str) else tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class StartError(PopoverError):
    """The machine does not let us do what the configuration says: one line, with the remedy."""


class Failure(PopoverError):  # noqa: N818 - the vocabulary's word; a session fails, the program does not err
    """One session cannot go on.

    `cause`: plain words, no line ends, for the user and for the log.
    `remedy`: what the operator can do about it; empty where there is nothing to do.
    `end`: how the log names the end of such a session.
    `needs_person`: it will not pass by itself.
    """

    end = "failed"
    needs_person: bool = False

    def __init__(self, cause: str, remedy: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


class Refused(Failure):
    """The guard did not let the client in."""

    end = "refused"


class Misdialled(Failure):
    """What the client sends is not the service's dialect."""

    end = "misdialled"


class HandshakeFailure(Failure):
    """The client wanted TLS with us, and it did not come to that."""

    end = "no handshake"


class NameFailure(Failure):
    """The server's name could not be turned into an address."""

    end = "no address"


class ConnectFailure(Failure):
    """No address of the server accepted a connection."""

    end = "no connection"


class TLSFailure(Failure):
    """The server is reached, but there is no TLS with it that we could trust."""

    end = "no tls"


class ServerFailure(Failure):
    """TLS stands; what speaks behind it does not serve us as a mail server would."""

    end = "no greeting"


class SignInFailure(ServerFailure):
    """The gateway could not log in where it does so for a client, and the server has not refused the login: nothing is
    known against the name or the secret. `needs_person`: it will not pass by itself.
    """

    end = "no sign-in"

    def __init__(self, cause: str, remedy: str = "", *, needs_person: bool = False) -> None:
        super().__init__(cause, remedy)
        self.needs_person = needs_person


class SecretFailure(Failure):
    """A secret of an account's cannot be read. `remedy` names its place and what is wrong there, never the secret."""

    end = "no secret"
    needs_person = True


class SignInNeeded(Failure):
    """The provider of an account no longer takes what we have, or we never had it: a person has to sign in, or the
    operator to mend how the account is set up.
    """

    end = "sign-in needed"
    needs_person = True


class ProviderFailure(Failure):
    """The provider of an account could not be asked for a token, or had trouble of its own; what we have stays good."""

    end = "no token"


class MailRefused(Failure):
    """The server, or the service's `recipients`, has refused a device's mail for good, and the device was told so."""

    end = "mail refused"


class OurFailure(Failure):
    """A bug of popover's own, after which only this session ends."""

    end = "internal"
