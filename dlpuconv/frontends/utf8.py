"""Names must be text: protobuf hands out bytes where a field is not UTF-8, and finds nothing wrong with that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import Message  # type: ignore[import-untyped]

from dlpuconv.errors import ModelError

if TYPE_CHECKING:
    import onnx


def screen_text(model: onnx.ModelProto) -> None:
    """Check every text field of the model.

    Raises:
        ModelError: one is not UTF-8.
    """
    pending: list[Message] = [model]
    for message in pending:
        for field, value in message.ListFields():
            if field.cpp_type == field.CPPTYPE_MESSAGE:
                pending.extend([value] if isinstance(value, Message) else value)
            elif field.type == field.TYPE_STRING:
                texts = [value] if isinstance(value, str | bytes) else value
                if not all(isinstance(text, str) for text in texts):
                    raise ModelError(
                        f"the model is damaged: a {message.DESCRIPTOR.name}'s {field.name} is not UTF-8",
                        id="model-text-invalid",
                    )
