"""What a handler gets of its process, by name."""

from typing import Any

from fast_depends.library import CustomField


class Given(CustomField):
    """Gives an argument what the broker's context has under a name.

    FastStream's own `Context` is a plain function to FastDepends, which calls those in a thread:
    a look-up in a dict, and two changes of threads, for each argument of each record.

    Args:
        name: In the context.
    """

    def __init__(self, name: str) -> None:
        super().__init__(cast=False)
        self._name = name

    async def use(self, /, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        assert self.param_name
        return kwargs | {self.param_name: kwargs["context__"].resolve(self._name)}
