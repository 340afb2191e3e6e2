"""What can go wrong with servers on somebody's machine, each told in a line that helps."""


class DevstackError(Exception):
    """Its text is shown to a person as it is."""


class Missing(DevstackError):
    """Something has to be installed first; the text holds the command."""


class NotReady(DevstackError):
    """A server ended or did not answer in time; the text holds the end of its log."""


class NotOurs(DevstackError):
    """This server is only known by its address: it cannot be stopped or started from here."""
