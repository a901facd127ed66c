"""A refusal as it came, in a log, on a screen, of several lines, made into what can be looked for in it."""

from __future__ import annotations

import re

READ_LIMIT = 8 * 1024
"""Characters that are read. The longest refusals, Exchange's with their diagnostics, have some 2,000."""

_REPLIES = re.compile(r"""(?:^|\n|[:"'(>])\s*([2-5][0-9][0-9])(?![0-9.])""")
_CONTINUED = re.compile(r"\n\s*[2-5][0-9][0-9]-?\s*(?:[245]\.[0-9]{1,3}\.[0-9]{1,3}\s)?")


class Refusal:
    """One that can be asked for its signs."""

    def __init__(self, text: str) -> None:
        read = text[:READ_LIMIT].lower().replace("\r", "\n")
        self._replies = set(_REPLIES.findall(read))
        # A reply of several lines repeats its codes in each (RFC 5321 section 4.2.1): in the midst of a sentence.
        self._text = " ".join(f"{read} {_CONTINUED.sub(' ', read)}".split())

    def has(self, sign: str) -> bool:
        """Whether all parts of a sign are there."""
        return all(self._stands(part) for part in sign.split(" & "))

    def _stands(self, part: str) -> bool:
        if part.startswith("^"):
            return part[1:] in self._replies
        at = self._text.find(part)
        while at >= 0:
            if self._is_whole(part, at):
                return True
            at = self._text.find(part, at + 1)
        return False

    def _is_whole(self, part: str, at: int) -> bool:
        """Whether nothing stands beside it that belongs to it: letters, figures, more of a dotted number."""
        before, after = self._text[:at][-1:], self._text[at + len(part) :][:2]
        begins = not (part[0].isalnum() and (before.isalnum() or (before == "." and part[0].isdigit())))
        ends = not (part[-1].isalnum() and after[:1].isalnum()) and not (
            part[-1].isdigit() and after[:1] == "." and after[1:].isdigit()
        )
        return begins and ends
