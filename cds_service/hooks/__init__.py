"""The CDS Hooks dialect: requests, discovery, cards, feedback.

Law: knows no Flask and no FHIR element names; may use clinical values. Resources pass through as opaque JSON.
"""
