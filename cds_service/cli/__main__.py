"""`python -m cds_service.cli`: the command line where its script is not on the path."""

from .commands import main

main(prog_name="cds-service")
