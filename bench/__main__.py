"""`python -m bench`: starts everything, measures, prints the tables. Exit code 1 if a must is missed."""

import argparse
import sys
from pathlib import Path

from bench import report
from bench.gateways import GATEWAYS
from bench.goals import rows
from bench.run import QUICK, WHOLE, run
from bench.versions import versions

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes, only printed")
    parser.add_argument("--only", nargs="+", choices=GATEWAYS, default=list(GATEWAYS))
    options = parser.parse_args()
    measured = run(options.only, QUICK if options.quick else WHOLE)
    found, used = rows(measured), versions()
    page = report.page(measured, found, used)
    print(page)
    if not options.quick:
        from bench import plots

        report.write(page, report.raw(measured, found, used), DOCS)
        plots.draw(measured, DOCS / "performance")
    if any(row.verdict == "MISSED" for row in found):
        sys.exit("a must is missed")


if __name__ == "__main__":
    main()
