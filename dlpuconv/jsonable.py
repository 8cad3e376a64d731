"""What JSON can hold."""

type Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
