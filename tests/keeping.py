"""What the parts of a session keep, wherever they keep it: looked for on the ways of the garbage collector."""

import base64
import gc
from types import FunctionType, ModuleType


def kept_by(root: object) -> list[bytes]:
    """All texts and octets that can be reached from there, but for those of the program itself."""
    found: list[bytes] = []
    seen, to_see = {id(root): root}, [root]  # held, so that nothing new takes their place
    while to_see:
        one = to_see.pop()
        if isinstance(one, str | bytes | bytearray | memoryview):
            found.append(one.encode() if isinstance(one, str) else bytes(one))
            continue
        # A function knows its whole module, and a class its bases: of those only what was handed to it counts.
        nexts = [one.__closure__, one.__defaults__] if isinstance(one, FunctionType) else gc.get_referents(one)
        for another in nexts:
            if id(another) not in seen and not isinstance(another, type | ModuleType):
                seen[id(another)] = another
                to_see.append(another)
    return found


def keeps(root: object, secret: bytes) -> bool:
    """Whether this is among it, in clear or in base64, wherever it stands there."""
    return any(tells(piece, secret) for piece in kept_by(root))


def tells(words: bytes, secret: bytes) -> bool:
    """Whether this stands there, in clear or in base64, whatever stands around it there."""
    forms = [secret]
    for before in range(3):  # octets of a group of three; each character has six bits
        first, last = -(-before * 8 // 6), (before + len(secret)) * 8 // 6
        forms.append(base64.b64encode(bytes(before) + secret)[first:last])
    return any(form in words for form in forms)
