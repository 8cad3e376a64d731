"""`python -m dlpuconv`."""

import os
import sys

if not sys.flags.safe_path and sys.path[0] == os.getcwd():  # noqa: PTH109 - nothing more is imported before
    del sys.path[0]  # `python -m` puts it there: a json.py in the current folder would be imported for Python's own

from dlpuconv.cli import main

sys.exit(main())
