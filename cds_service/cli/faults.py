"""What can go wrong on the command line and is nobody's bug: each fault is one line for the person who typed."""


class Fault(Exception):
    """An expected fault; its text is one line without a patient's data."""


class UnknownFixture(Fault):
    """No synthetic patient has this name."""


class NotUnderstood(Fault):
    """Words of an order that cannot be read; the text names them."""


class CallFailed(Fault):
    """A server that could not be reached or did not answer as hoped."""


class CannotStart(Fault):
    """The service cannot be put together: settings, knowledge or a site's file are wrong."""
