"""In which form an answer is wanted."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from gyre_gateway.openai_wire.base import Wire

ANY_OBJECT = {"type": "object"}


class JsonSchema(Wire):
    """A schema that the answer follows, whether `strict` or not."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    description: str | None = None
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    strict: bool | None = None


class ResponseFormat(Wire):
    """Text, any JSON object, or JSON by a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Annotated[JsonSchema | None, Field(validate_default=True)] = None

    @field_validator("json_schema")
    @classmethod
    def _is_there(cls, value: JsonSchema | None, info: ValidationInfo) -> JsonSchema | None:
        if value is None and info.data.get("type") == "json_schema":
            raise ValueError("expected an object with `name` and `schema`")
        return value

    @property
    def answer_schema(self) -> str:
        """Return the schema as JSON, its properties in their order; empty for text."""
        if self.type == "text":
            return ""
        named = self.json_schema if self.type == "json_schema" else None
        return json.dumps(named.schema_ if named else ANY_OBJECT)
