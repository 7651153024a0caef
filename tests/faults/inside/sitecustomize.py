"""What tests do inside of a service: every Python that finds this folder in `PYTHONPATH` has it.

Python imports a module of this name by itself. `GYRE_MUTATION` turns a protection off,
`GYRE_FAULTPOINTS` has the handlers of a service go through faultpoints, `GYRE_SKEW_S` puts its
clock wrong. All need the folder of the repository in `PYTHONPATH`, too.
"""

import os
import sys

if chosen := os.environ.get("GYRE_MUTATION"):
    from tests.faults.inside.protections import PROTECTIONS

    PROTECTIONS[chosen]()

if seconds := os.environ.get("GYRE_SKEW_S"):
    from tests.faults.inside import skew

    skew.install(float(seconds))

if os.environ.get("GYRE_FAULTPOINTS") and any(
    one.startswith("gyre_") and not one.startswith("gyre_local") for one in sys.orig_argv[1:3]
):
    from tests.faults.inside import faultpoints

    faultpoints.install()
