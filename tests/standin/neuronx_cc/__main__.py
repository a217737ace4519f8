"""`python -m neuronx_cc`."""

import sys

from neuronx_cc import main

sys.exit(main())
