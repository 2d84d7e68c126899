"""The ground of meaning: chart, therapy, dose, rules and findings.

Law: knows no FHIR, no CDS Hooks, no Flask; does no I/O and asks no clock. Everything here is a frozen value or a
pure function of one.
"""
