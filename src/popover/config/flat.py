"""A service's keys as they stand in a file, flat, and the parts that they make in values.py."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from popover.config.ahead import Ahead
from popover.config.desk import Desk
from popover.config.device import DeviceRules
from popover.config.values import Admission, Inside, Patience, Service, Target, Trust

T = TypeVar("T")


def assemble(keys: Mapping[str, Any]) -> Service:
    """Make a service of the values of its keys; those that are left out have the defaults of values.py."""
    left = dict(keys)
    target = _part(Target, left, trust=_part(Trust, left))
    kinds = {"inside": Inside, "admission": Admission, "patience": Patience, "ahead": Ahead, "desk": Desk}
    kinds |= {"rules": DeviceRules}
    service = _part(Service, left, target=target, **{name: _part(kind, left) for name, kind in kinds.items()})
    if left:
        raise TypeError(f"a service has no {', '.join(left)}")
    return service


def _part(kind: type[T], keys: dict[str, Any], **parts: Any) -> T:
    """Make a part of its keys, which are taken out of `keys`."""
    own = [field.name for field in fields(kind) if field.name in keys]  # type: ignore[arg-type]
    return kind(**parts, **{name: keys.pop(name) for name in own})


def flatten(service: Service) -> dict[str, Any]:
    """Give all keys of a service with their values, defaults too: what `assemble` makes it of."""
    target = service.target
    parts = (
        service,
        target,
        target.trust,
        service.inside,
        service.admission,
        service.patience,
        service.ahead,
        service.desk,
        service.rules,
    )
    found = {field.name: getattr(part, field.name) for part in parts for field in fields(part)}
    return {key: value for key, value in found.items() if value not in parts}
