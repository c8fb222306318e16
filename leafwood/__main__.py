"""`python -m leafwood`."""

import sys

from leafwood.cli.main import main

sys.exit(main())
