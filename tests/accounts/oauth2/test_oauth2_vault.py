"""Tokens that are sealed by the local password: what is in the file, who opens it, and what is refused (dry)."""

import base64
import json
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depth import examples
from popover.accounts.oauth2.kept import Kept, Trouble, from_json, to_json
from popover.accounts.oauth2.keys import open_by, seal_by
from popover.accounts.oauth2.store import TokenFile
from popover.accounts.oauth2.vault import SALT, Key

ACCESS, REFRESH = b"canary-access", "canary-refresh"
KEY = Key.of(b"canary-local", bytes(SALT))
OTHER = Key.of(b"canary-Local", bytes(SALT))
CLEAR = Kept("a", "id", "https://x/token", ACCESS, 1.0, 3601.0, 1.0, REFRESH, ("mail",), login="a@example.com")
KEPT = replace(CLEAR, salt=KEY.salt)
SEALED = to_json(KEPT, KEY)

_TEXT = st.text(max_size=30)


def opened(octets: bytes, key: Key | None = KEY) -> Kept | None:
    """What comes of a file: None if it is none, or stays closed, and then there is no token."""
    try:
        found = from_json(octets, key)
    except ValueError:
        return None
    if not found.is_closed:
        return found
    assert (found.access, found.refresh) == (b"", None)
    assert not found.is_usable(2.0)
    return None


@settings(max_examples=examples(50))
@given(
    st.builds(
        Kept,
        _TEXT,
        _TEXT,
        _TEXT,
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=100).map(str.encode),
        st.floats(0, 1e10),
        st.floats(0, 1e10),
        st.floats(0, 1e10),
        st.none() | _TEXT,
        st.none() | st.lists(_TEXT, max_size=3).map(tuple),
        st.none() | st.builds(Trouble, _TEXT, _TEXT, _TEXT, st.just("person"), st.floats(0, 1e10)),
    )
)
def test_whatever_is_sealed_is_opened_by_the_same_key_alone(kept: Kept) -> None:
    octets = to_json(replace(kept, salt=KEY.salt), KEY)
    assert opened(octets) == replace(kept, salt=KEY.salt)
    assert opened(octets, OTHER) is None
    assert opened(octets, None) is None


def test_a_key_is_made_of_the_password_and_of_a_salt_of_its_own() -> None:
    assert Key.of(b"canary-local", bytes(SALT)) == KEY
    assert Key.of(b"x").salt != Key.of(b"x").salt
    assert len(KEY.octets) == 32
    another = Key.of(b"canary-local")
    salted = to_json(replace(KEPT, salt=another.salt), another)
    assert opened(salted) is None
    assert opened(salted, Key.of(b"canary-local", base64.b64decode(json.loads(salted)["salt"]))) is not None


def test_no_token_stands_in_the_file_and_the_same_is_never_sealed_in_the_same_way() -> None:
    assert b"canary" not in SEALED
    for word in (ACCESS, REFRESH.encode(), b"canary-local"):
        for form in (word, base64.b64encode(word).rstrip(b"=")[:-1], word.hex().encode()):
            assert form not in SEALED
            assert form not in base64.b64decode(json.loads(SEALED)["sealed"])
    assert to_json(KEPT, KEY) != SEALED


def test_what_everybody_may_see_is_seen_without_the_key() -> None:
    found = from_json(SEALED)
    assert found.is_closed
    assert (found.account, found.expires, found.scopes, found.salt) == ("a", 3601.0, ("mail",), KEY.salt)


def test_each_cut_is_refused() -> None:
    assert opened(SEALED) is not None
    assert not [cut for cut in range(len(SEALED)) if opened(SEALED[:cut]) is not None]


def test_each_changed_bit_is_refused_in_what_is_sealed_and_in_what_is_said_about_it() -> None:
    for place in range(len(SEALED)):
        for bit in range(8):
            octets = bytearray(SEALED)
            octets[place] ^= 1 << bit
            assert opened(bytes(octets)) is None, (place, bit)


@pytest.mark.parametrize(
    "change",
    [{"login": "b@example.com"}, {"account": "b"}, {"expires": 1e12}, {"token_url": "https://evil.example/"},
     {"more": 1}, {"salt": base64.b64encode(bytes(8)).decode()}, {"sealed": ""}, {"sealed": "AAAA"}, {"sealed": 1},
     {"salt": None}, {"version": 1}, {"version": 3}],
    ids="-".join,
)  # fmt: skip
def test_what_is_said_about_it_can_not_be_exchanged(change: dict[str, Any]) -> None:
    assert opened(json.dumps(json.loads(SEALED) | change, indent=1).encode()) is None


def test_the_sealed_part_of_another_accounts_file_opens_nothing() -> None:
    """Even if both have the same password and the same salt."""
    other = json.loads(to_json(replace(KEPT, account="b", login="b@example.com"), KEY))
    assert opened(json.dumps(json.loads(SEALED) | {"sealed": other["sealed"]}, indent=1).encode()) is None


@given(st.binary())
def test_a_file_that_is_damaged_is_none(octets: bytes) -> None:
    assert opened(octets) is None


def test_what_is_closed_is_never_written(tmp_path: Path) -> None:
    """Its tokens would be lost."""
    closed = from_json(SEALED)
    for key in (None, KEY):
        with pytest.raises(ValueError, match="closed"):
            to_json(closed, key)
    file = TokenFile(tmp_path, "a", KEY)
    with file.locked(), file.writing() as write:
        write(KEPT)
    file.key = None
    before = file.path.read_bytes()
    with file.locked(), file.writing() as write, pytest.raises(ValueError, match="closed"):
        write(closed)
    assert file.path.read_bytes() == before
    assert not seal_by(file, OTHER)
    assert file.path.read_bytes() == before


def test_what_was_found_sealed_is_never_written_in_clear_or_by_another_key() -> None:
    for key in (None, Key.of(b"x"), replace(KEY, salt=b"other")):
        with pytest.raises(ValueError, match="sealed by another key"):
            to_json(KEPT, key)
    assert json.loads(to_json(CLEAR, KEY))["version"] == 1  # and what is in clear stays so, unless it is sealed


def test_a_wrong_key_changes_nothing(tmp_path: Path) -> None:
    file = TokenFile(tmp_path, "a", KEY)
    assert not open_by(file, OTHER)
    with file.locked(), file.writing() as write:
        write(KEPT)
    before = file.path.read_bytes()
    mine = TokenFile(tmp_path, "a")
    assert not open_by(mine, OTHER)
    assert mine.key is None
    assert open_by(mine, KEY)
    assert not open_by(mine, OTHER)
    assert mine.read() == KEPT
    assert file.path.read_bytes() == before


def test_what_was_written_when_its_writer_was_killed_is_taken_without_the_key(tmp_path: Path) -> None:
    file = TokenFile(tmp_path, "a")
    draft = tmp_path / ".a.new"
    draft.touch(mode=0o600)
    draft.write_bytes(SEALED + bytes(1000))
    with file.locked():
        pass
    assert file.path.read_bytes() == SEALED
    assert not draft.exists()


def test_neither_key_nor_token_shows_in_a_repr_or_a_traceback() -> None:
    texts = [repr(KEY), str(KEY), repr(opened(SEALED)), repr(from_json(SEALED))]
    for broken in (replace(KEY, octets=b"canary-short"), replace(KEY, octets=b"")):
        try:
            broken.seal(ACCESS, b"")
        except ValueError as fault:
            texts.append("".join(traceback.format_exception(fault)))
    assert len(texts) == 6
    assert not [text for text in texts if "canary" in text or repr(KEY.octets)[2:-1] in text]
