"""The outside world: FHIR servers, client trust, the feedback store.

Law: the only package that opens a connection; knows no rule and no card.
"""
