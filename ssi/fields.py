"""Reading the members of a parsed object, each once and with its type.

Import `Fields` from `ssi.encoding`.
"""

from typing import Final, TypeVar

from ssi.base64url import b64url_decode
from ssi.canonical import JSON, MAX_SAFE_INTEGER, JSONObject
from ssi.errors import Malformed

_Kind = TypeVar("_Kind")
MAX_FIELD: Final = 4096


class Fields:
    """Takes the members of one untrusted object, each once and with its type.

    Messages name the member our own code asked for, never a value or a name the sender chose.

    Args:
        obj: The parsed object.
        where: What the object is, for messages.
        code: The error code of everything wrong in it.
    """

    def __init__(self, obj: JSONObject, *, where: str, code: str = "json.malformed") -> None:
        self._left = dict(obj)
        self._where = where
        self._code = code

    def _bad(self, name: str, problem: str) -> Malformed:
        return Malformed(f"{self._where}: {name} {problem}", code=self._code)

    def _take(self, name: str, kind: type[_Kind], expected: str) -> _Kind:
        try:
            value = self._left.pop(name)
        except KeyError:
            raise self._bad(name, "is missing") from None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._bad(name, f"is not {expected}")
        return value

    def has(self, name: str) -> bool:
        """Tell whether a member is there and not yet taken."""
        return name in self._left

    def take_str(self, name: str, *, max_len: int = MAX_FIELD, allow_empty: bool = False) -> str:
        """Take a required string of at most ``max_len`` characters."""
        value = self._take(name, str, "a string")
        if len(value) > max_len:
            raise self._bad(name, "is too long")
        if not value and not allow_empty:
            raise self._bad(name, "is empty")
        return value

    def opt_str(
        self, name: str, *, max_len: int = MAX_FIELD, allow_empty: bool = False
    ) -> str | None:
        """Take a string, or ``None`` when the member is absent."""
        if name not in self._left:
            return None
        return self.take_str(name, max_len=max_len, allow_empty=allow_empty)

    def take_int(self, name: str, minimum: int = 0, maximum: int = MAX_SAFE_INTEGER) -> int:
        """Take a required integer between ``minimum`` and ``maximum``."""
        value = self._take(name, int, "an integer")
        if not minimum <= value <= maximum:
            raise self._bad(name, "is out of range")
        return value

    def opt_int(self, name: str, minimum: int = 0, maximum: int = MAX_SAFE_INTEGER) -> int | None:
        """Take an integer, or ``None`` when the member is absent."""
        return self.take_int(name, minimum, maximum) if name in self._left else None

    def take_bool(self, name: str) -> bool:
        """Take a required boolean."""
        return self._take(name, bool, "a boolean")

    def opt_bool(self, name: str) -> bool | None:
        """Take a boolean, or ``None`` when the member is absent."""
        return self.take_bool(name) if name in self._left else None

    def take_bytes(self, name: str, *, size: int | None = None, max_len: int = MAX_FIELD) -> bytes:
        """Take required base64url bytes, of exactly ``size`` bytes when that is given."""
        value = b64url_decode(self.take_str(name, max_len=max_len, allow_empty=True))
        if size is not None and len(value) != size:
            raise self._bad(name, "has the wrong size")
        return value

    def opt_bytes(
        self, name: str, *, size: int | None = None, max_len: int = MAX_FIELD
    ) -> bytes | None:
        """Take base64url bytes, or ``None`` when the member is absent."""
        return self.take_bytes(name, size=size, max_len=max_len) if name in self._left else None

    def take_object(self, name: str) -> JSONObject:
        """Take a required object."""
        value: JSONObject = self._take(name, dict, "an object")
        return value

    def opt_object(self, name: str) -> JSONObject | None:
        """Take an object, or ``None`` when the member is absent."""
        return self.take_object(name) if name in self._left else None

    def take_fields(self, name: str) -> "Fields":
        """Take a required object, to be read in turn."""
        return Fields(self.take_object(name), where=f"{self._where}.{name}", code=self._code)

    def opt_fields(self, name: str) -> "Fields | None":
        """Take an object to be read in turn, or ``None`` when the member is absent."""
        return self.take_fields(name) if name in self._left else None

    def take_list(self, name: str, *, max_items: int = 2000) -> list[JSON]:
        """Take a required array."""
        value: list[JSON] = self._take(name, list, "an array")
        if len(value) > max_items:
            raise self._bad(name, "has too many elements")
        return value

    def opt_list(self, name: str, *, max_items: int = 2000) -> list[JSON] | None:
        """Take an array, or ``None`` when the member is absent."""
        return self.take_list(name, max_items=max_items) if name in self._left else None

    def take_strs(
        self, name: str, *, max_items: int = 256, max_len: int = MAX_FIELD
    ) -> tuple[str, ...]:
        """Take a required array of non-empty strings."""
        values = self.take_list(name, max_items=max_items)
        texts = tuple(v for v in values if isinstance(v, str) and 0 < len(v) <= max_len)
        if len(texts) != len(values):
            raise self._bad(name, "holds something that is not a short string")
        return texts

    def opt_strs(
        self, name: str, *, max_items: int = 256, max_len: int = MAX_FIELD
    ) -> tuple[str, ...] | None:
        """Take an array of strings, or ``None`` when the member is absent."""
        if name not in self._left:
            return None
        return self.take_strs(name, max_items=max_items, max_len=max_len)

    def take_objects(self, name: str, *, max_items: int = 256) -> tuple[JSONObject, ...]:
        """Take a required array of objects."""
        values = self.take_list(name, max_items=max_items)
        objects = tuple(v for v in values if isinstance(v, dict))
        if len(objects) != len(values):
            raise self._bad(name, "holds something that is not an object")
        return objects

    def rest(self) -> JSONObject:
        """Return the members nobody has taken."""
        return dict(self._left)

    def done(self) -> None:
        """Raise when a member is left that nobody asked for."""
        if self._left:
            raise Malformed(f"{self._where}: {len(self._left)} unknown members", code=self._code)
