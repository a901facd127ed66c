"""A disk whose power can fail, and a real file system of it, for programs that know nothing of that.

disk = Disk(fails_after=17)  # changes; behind them, nothing is to be had of it
with mounted(disk, directory):
    ...
with mounted(disk.after_the_cut(Random(1)), directory):
    ...

It keeps no more than POSIX promises: a file's octets as they were at its last fsync, or are now, or part of that; and
of what happened to names since the last fsync of their directory, anything or nothing. The kernel is spoken to as
<linux/fuse.h> has it (protocol 7.31), so that no library is needed; only root may mount.
"""

import ctypes
import errno
import itertools
import os
import select
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

CAN_MOUNT = os.geteuid() == 0 and Path("/dev/fuse").exists()
ROOT = 1
HEAD, ANSWER = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")
ATTRIBUTES = struct.Struct("<QQQQQQIIIIIIIIII")
ENTRY, ATTR, OPENED = struct.Struct("<QQQQII"), struct.Struct("<QII"), struct.Struct("<QII")
CREATE, READ, WRITE, SETATTR = (struct.Struct(form) for form in ("<IIII", "<QQIIQII", "<QQIIQII", "<IIQQ"))
STARTED = struct.Struct("<IIIIHHIIHHI28x")
LARGEST = 65536  # octets of a write
DIRECT = 1  # no page cache: each read and write comes here
NEW_SIZE, NEW_MODE = 8, 1  # what a SETATTR is about
DETACH = 2  # umount2(2)


class Node:
    """A file or a directory, as it is and as it is on the disk for good."""

    def __init__(self, mode: int) -> None:
        self.mode = mode
        self.data, self.safe = bytearray(), b""
        self.names: dict[str, Node] = {}
        self._safe_names: dict[str, Node] = {}
        self._pending: list[dict[str, Node | None]] = []

    def change(self, **names: "Node | None") -> None:
        """Give names, or take them away, all of them or none."""
        self._pending.append(names)
        _apply(self.names, names)

    def sync(self) -> None:
        """What is so now stays."""
        self.safe, self._safe_names, self._pending = bytes(self.data), dict(self.names), []

    def after_the_cut(self, random: Random) -> "Node":
        """What is found of it."""
        found = Node(self.mode)
        names = dict(self._safe_names)
        for change in self._pending:
            if random.random() < 0.5:
                _apply(names, change)
        found.names = {name: node.after_the_cut(random) for name, node in names.items()}
        part = self.data[: random.randint(0, len(self.data))]
        found.data = bytearray(random.choice((self.safe, self.data, part)) if self.data != self.safe else self.safe)
        found.sync()
        return found


def _apply(names: dict[str, Node], change: "dict[str, Node | None]") -> None:
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


class Disk:
    """`fails_after`: how many changes are made before the power fails; `changes`: those made so far."""

    def __init__(self, fails_after: int = 10**9, root: Node | None = None) -> None:
        self.changes = 0
        self._left = fails_after
        self._nodes = {ROOT: root or Node(stat.S_IFDIR | 0o755)}
        self._numbers = itertools.count(ROOT + 1)
        self._acts: dict[int, Callable[[int, bytes], bytes | None]] = {
            1: self._lookup, 3: self._getattr, 4: self._setattr, 9: self._mkdir, 10: self._unlink, 11: self._unlink,
            12: self._rename, 14: self._open, 15: self._read, 16: self._write, 17: self._statfs, 18: self._nothing,
            20: self._sync, 25: self._nothing, 26: self._start, 27: self._open, 28: self._list, 29: self._nothing,
            30: self._sync, 35: self._create, 45: self._rename2,
        }  # fmt: skip

    @property
    def has_failed(self) -> bool:
        """Whether the power has."""
        return self._left <= 0

    def after_the_cut(self, random: Random, fails_after: int = 10**9) -> "Disk":
        """The disk as it is found then."""
        return Disk(fails_after, self._nodes[ROOT].after_the_cut(random))

    def answer(self, request: bytes) -> bytes:
        """What the kernel is told; empty where it waits for nothing."""
        _size, opcode, unique, node, *_ = HEAD.unpack_from(request)
        if opcode in (2, 36, 42):  # forget, interrupt
            return b""
        try:
            body = self._act(opcode)(node, request[HEAD.size :]) or b""
        except OSError as fault:
            return ANSWER.pack(ANSWER.size, -(fault.errno or errno.EIO), unique)
        return ANSWER.pack(ANSWER.size + len(body), 0, unique) + body

    # -- what is asked -----------------------------------------------------------------------------

    def _act(self, opcode: int) -> Callable[[int, bytes], bytes | None]:
        if opcode not in self._acts:
            raise OSError(errno.ENOSYS, "it is not needed here")
        if self.has_failed:
            raise OSError(errno.EIO, "the power has failed")
        return self._acts[opcode]

    def _change(self) -> None:
        self._left -= 1
        if self.has_failed:
            raise OSError(errno.EIO, "the power has failed")
        self.changes += 1

    def _start(self, _node: int, _body: bytes) -> bytes:
        return STARTED.pack(7, 31, 0, 0, 8, 8, LARGEST, 1, LARGEST // 4096, 0, 0)

    def _lookup(self, node: int, body: bytes) -> bytes:
        return self._entry(self._nodes[node].names.get(_name(body)))

    def _getattr(self, node: int, _body: bytes) -> bytes:
        return ATTR.pack(0, 0, 0) + self._attributes(node)

    def _setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size = SETATTR.unpack_from(body)
        one = self._nodes[node]
        if valid & NEW_SIZE:
            self._change()
            one.data = one.data[:size].ljust(size, b"\0")
        if valid & NEW_MODE:
            (mode,) = struct.unpack_from("<I", body, 68)
            one.mode = stat.S_IFMT(one.mode) | stat.S_IMODE(mode)
        return self._getattr(node, body)

    def _mkdir(self, node: int, body: bytes) -> bytes:
        mode, _ = struct.unpack_from("<II", body)
        return self._made(node, _name(body[8:]), stat.S_IFDIR | mode)

    def _create(self, node: int, body: bytes) -> bytes:
        _, mode, _, _ = CREATE.unpack_from(body)
        return self._made(node, _name(body[CREATE.size :]), mode) + OPENED.pack(0, DIRECT, 0)

    def _made(self, node: int, name: str, mode: int) -> bytes:
        self._change()
        made = Node(mode)
        self._nodes[node].change(**{name: made})
        return self._entry(made)

    def _unlink(self, node: int, body: bytes) -> None:
        name, folder = _name(body), self._nodes[node]
        if name not in folder.names:
            raise OSError(errno.ENOENT, "no such name")
        if folder.names[name].names:
            raise OSError(errno.ENOTEMPTY, "there is something in it")
        self._change()
        folder.change(**{name: None})

    def _rename(self, node: int, body: bytes, names: int = 8) -> None:
        (target,) = struct.unpack_from("<Q", body)
        old, new = (word.decode() for word in body[names:].split(b"\0")[:2])
        if target != node:
            raise OSError(errno.EXDEV, "popover renames within one directory")
        self._change()
        folder = self._nodes[node]
        folder.change(**{old: None, new: folder.names[old]})

    def _rename2(self, node: int, body: bytes) -> None:
        self._rename(node, body, 16)

    def _open(self, _node: int, _body: bytes) -> bytes:
        return OPENED.pack(0, DIRECT, 0)

    def _read(self, node: int, body: bytes) -> bytes:
        _, offset, size, *_ = READ.unpack_from(body)
        return bytes(self._nodes[node].data[offset : offset + size])

    def _write(self, node: int, body: bytes) -> bytes:
        _, offset, size, *_ = WRITE.unpack_from(body)
        self._change()
        data = self._nodes[node].data
        data[:] = data.ljust(offset, b"\0")
        data[offset : offset + size] = body[WRITE.size : WRITE.size + size]
        return struct.pack("<II", size, 0)

    def _sync(self, node: int, _body: bytes) -> None:
        self._change()
        self._nodes[node].sync()

    def _statfs(self, _node: int, _body: bytes) -> bytes:
        return struct.pack("<QQQQQIIII24x", 1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20, 4096, 255, 4096, 0)

    def _list(self, node: int, body: bytes) -> bytes:
        _, offset, size, *_ = READ.unpack_from(body)
        found = b""
        for number, (name, one) in enumerate(self._nodes[node].names.items(), 1):
            word = name.encode()
            line = struct.pack("<QQII", self._number(one), number, len(word), one.mode >> 12) + word
            line = line.ljust(-(-len(line) // 8) * 8, b"\0")
            if number > offset and len(found) + len(line) <= size:
                found += line
        return found

    def _nothing(self, _node: int, _body: bytes) -> None:
        """It is known already."""

    # -- what is told ------------------------------------------------------------------------------

    def _number(self, node: Node) -> int:
        for number, known in self._nodes.items():
            if known is node:
                return number
        number = next(self._numbers)
        self._nodes[number] = node
        return number

    def _entry(self, node: Node | None) -> bytes:
        if node is None:
            raise OSError(errno.ENOENT, "no such name")
        number = self._number(node)
        return ENTRY.pack(number, 0, 0, 0, 0, 0) + self._attributes(number)

    def _attributes(self, number: int) -> bytes:
        node, now = self._nodes[number], int(time.time())
        size = len(node.data)
        links = 2 if stat.S_ISDIR(node.mode) else 1
        return ATTRIBUTES.pack(number, size, 1, now, now, now, 0, 0, 0, node.mode, links, 0, 0, 0, 4096, 0)


def _name(body: bytes) -> str:
    return body.partition(b"\0")[0].decode()


@contextmanager
def mounted(disk: Disk, place: Path) -> Iterator[None]:
    """A file system of this disk, at this directory, to the end of the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    is_over = threading.Event()

    def serve() -> None:
        while not is_over.is_set():
            if not select.select([device], [], [], 0.05)[0]:
                continue
            try:
                if answer := disk.answer(os.read(device, LARGEST + 65536)):
                    os.write(device, answer)
            except OSError as fault:  # a question that was taken back; or it is unmounted
                if fault.errno == errno.ENODEV:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    try:
        thread.start()
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
        if libc.mount(b"power", os.fsencode(place), b"fuse", 0, options.encode()):
            raise OSError(ctypes.get_errno(), "it cannot be mounted")
        yield
    finally:
        libc.umount2(os.fsencode(place), DETACH)
        is_over.set()
        thread.join()
        os.close(device)
