"""The words that options take, as types: type checkers see them in the API, and the command line completes them."""

from __future__ import annotations

from typing import Literal, TypeAliasType, get_args

type Resize = Literal["stretch", "letterbox", "center-crop"]
type Color = Literal["rgb", "bgr", "gray"]
type Preset = Literal["imagenet", "0-1", "-1-1", "0-255"]
type FoldPreprocess = Literal["conv", "op", "off"]
type Granularity = Literal["per-tensor", "per-channel"]
type GranularityOrAuto = Literal["per-tensor", "per-channel", "auto"]
type Effort = Literal["fast", "balanced", "best"]
type Dtype = Literal["uint8", "int8"]
type InputLayout = Literal["nhwc", "nchw"]
type OutputKind = Literal["scores", "classes", "boxes", "masks", "embeddings", "values"]
type Splitting = Literal["auto", "off"]
type Tail = Literal["auto", "off"]
type FinalActivation = Literal["auto", "keep", "cut"]


def words(choice: TypeAliasType) -> tuple[str, ...]:
    """What an option of this type takes, in the order of its declaration."""
    return get_args(choice.__value__)
