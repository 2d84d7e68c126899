"""The FHIR R4 dialect: reads resources into a chart, writes resources for suggestions.

Law: knows no CDS Hooks and does no network I/O; may use clinical values. Data files are loaded once, at the start.
"""
