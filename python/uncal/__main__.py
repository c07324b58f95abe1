"""``python -m uncal`` is ``uncal``."""

import sys

from uncal.cli import main

sys.exit(main())
