"""Every mail program in one way: what it stores of a mailbox, message by message."""

import re

from . import clients, neomutt

_END = b"\n=== end of a message ===\n"


def _curl(folder, form, port, ca, user, password, count, patience):
    return clients.curl(folder, form, port, ca, user, password, count, patience=patience)[1:]


def _deliveries(fetch):
    def messages(folder, form, port, ca, user, password, count, patience):
        return fetch(folder, form, port, ca, user, password,
                     patience=patience).split(_END)[:-1]
    return messages


def _perl(fetch):
    def messages(folder, form, port, ca, user, password, count, patience):
        return re.split(rb"(?m)^=== \d+ \d+ (?:\S+\n|\d+\r\n \d+ \S+\r\n\n)", fetch(
            folder, form, port, ca, user, password, patience=patience))[1:]
    return messages


def _getmail(folder, form, port, ca, user, password, count, patience):
    return clients.getmail(folder, form, port, ca, user, password, patience=patience)


def _poplib(folder, form, port, ca, user, password, count, patience):
    _, _, _, *messages = clients.poplib_fetch(form, port, ca, user, password, patience)
    return [b"\r\n".join(lines) + b"\r\n" for _, _, lines in messages]


def _neomutt(folder, form, port, ca, user, password, count, patience):
    return re.split(rb"(?m)^From\n", neomutt.fetch(folder, form, port, ca, user, password,
                                                   patience=patience))[1:]


#: Program: a function of (folder, form, port, ca, user, password, count of messages, seconds of
#: silence after which it gives up) that gives the messages in any order. Thunderbird is not among
#: them, because one runs for all; neomutt gives up only while it connects.
PROGRAMS = {
    "curl": _curl,
    "fetchmail": _deliveries(clients.fetchmail),
    "getmail6": _getmail,
    "mpop": _deliveries(clients.mpop),
    "neomutt": _neomutt,
    "Perl Mail::POP3Client": _perl(clients.mail_pop3client),
    "Perl Net::POP3": _perl(clients.net_pop3),
    "Python poplib": _poplib,
}
