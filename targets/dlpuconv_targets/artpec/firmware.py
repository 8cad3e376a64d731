"""What AXIS OS is known to carry. Axis does not publish the versions: they are in each firmware's bill of materials."""

from __future__ import annotations

from dlpuconv.plugin.rules import Carried, firmware_rule

FIRMWARE = firmware_rule((Carried(firmware=(10, 6), runtime="2.3.1", source="acap3-examples issues 94 and 130"),))
"""10.6 was the first to load .tflite files; what later ones carry is not known, but is no older."""
