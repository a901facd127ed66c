"""AUTH LOGIN: its two prompts, in the words that old clients wait for."""

from __future__ import annotations

import base64
import binascii

USERNAME, PASSWORD = b"334 VXNlcm5hbWU6", b"334 UGFzc3dvcmQ6"
"""`Username:` and `Password:`, as old clients compare them letter by letter (Outlook)."""


def prompt(line: bytes) -> bytes:
    """Say a challenge of AUTH LOGIN as Outlook wants to read it, where it asks for the name or the password in other
    words; any other stays as it is.
    """
    if line[:4] != b"334 ":
        return line
    end = b"\r\n" if line.endswith(b"\r\n") else b"\n"
    try:
        question = base64.b64decode(line[4:].strip(), validate=True).lower()
    except (binascii.Error, ValueError):
        return line
    if b"user" in question:
        return USERNAME + end
    return PASSWORD + end if b"pass" in question else line
