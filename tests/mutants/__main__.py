"""`python -m tests.mutants [defect …]`."""

from tests.mutants.run import main

raise SystemExit(main())
