"""A network as the quantizer sees it, whatever the format of its file: layers, values, ties of scales, a way to run.

A backend's adapter makes one of its own float graph, after lowering and legalization; every technique in
`dlpuconv.quantization` works on it. Nothing here names an operator's code, a file or a runner.

All arrays are *channels last*, whatever the format: an activation is [N, H, W, C], weights are [O, taps..., I/groups].
An adapter gives views (`numpy.moveaxis`), so that nothing is copied.
"""

from dlpuconv.network.edit import CannotError as CannotError
from dlpuconv.network.edit import Constants as Constants
from dlpuconv.network.edit import OutputPiece as OutputPiece
from dlpuconv.network.edit import detour_name as detour_name
from dlpuconv.network.edit import part_name as part_name
from dlpuconv.network.layer import Activation as Activation
from dlpuconv.network.layer import Geometry as Geometry
from dlpuconv.network.layer import Layer as Layer
from dlpuconv.network.meaning import Curve as Curve
from dlpuconv.network.meaning import Meaning as Meaning
from dlpuconv.network.meaning import Order as Order
from dlpuconv.network.meaning import Scales as Scales
from dlpuconv.network.meaning import Tie as Tie
from dlpuconv.network.network import Feed as Feed
from dlpuconv.network.network import Network as Network
from dlpuconv.network.node import Node as Node
from dlpuconv.network.range import ALL as ALL
from dlpuconv.network.range import Range as Range
from dlpuconv.network.value import Value as Value
