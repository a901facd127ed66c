"""How the house is built, as far as no contract of import-linter says it."""

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import popover

SOURCE = Path(popover.__file__).parent
TESTS = Path(__file__).parent.parent

# What a class may be made from elsewhere: a shape without a line of code, or a kind of failure.
SHAPES = {"Protocol", "NamedTuple", "Enum", "IntEnum", "StrEnum", "TypedDict", "Generic"}
FAILURES = {
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
}


def test_the_staircase_names_no_dialect() -> None:
    """A new dialect is a room of protocols/, and nothing else."""
    named = {
        path.name: found
        for path in sorted((SOURCE / "session").glob("*.py"))
        if (found := [name for name in ast_names(path) if re.search("pop3|imap|smtp|sieve", name, re.IGNORECASE)])
    }
    assert named == {}


def ast_names(path: Path) -> Iterator[str]:
    """All names and texts of a file but its docstrings and comments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.alias(name=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.ImportFrom(module=str(name)) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Constant(value=str(name)) if id(node) not in words:
                yield name
            case ast.Constant(value=bytes(octets)):
                yield octets.decode("latin-1")
            case _:
                pass


def test_no_class_is_continued_in_another_file() -> None:
    """To know what a part does, one file is read: parts are handed to each other, not inherited."""
    continued = [
        f"{path.name}: {cut.name}({base})"
        for room in ("protocols", "session")
        for path in sorted((SOURCE / room).rglob("*.py"))
        for cut, base in bases(ast.parse(path.read_text(encoding="utf-8")))
        if base not in SHAPES | FAILURES and not base.endswith("Failure")
    ]
    assert continued == []


def bases(tree: ast.Module) -> Iterator[tuple[ast.ClassDef, str]]:
    """Each class, and each of its bases that is not of the same file."""
    here = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                name = re.sub(r"\[.*", "", ast.unparse(base)).rpartition(".")[2]
                if name not in here:
                    yield node, name


def test_each_wing_has_its_tests() -> None:
    wings = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    assert {"protocols", "session", "wire"} <= wings
    assert [wing for wing in sorted(wings) if not any((TESTS / wing).rglob("test_*.py"))] == []
