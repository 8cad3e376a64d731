"""`python -m dlpuconv`."""

import sys

from dlpuconv.cli import main

sys.exit(main())
