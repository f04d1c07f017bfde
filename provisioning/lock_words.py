"""`provision lock`: a key file put under a passphrase. Flow: command.py -> here -> key_lock.py, keeping.py."""

import os
from argparse import Namespace
from pathlib import Path

from cryptography import x509

from protocol.certificates import Role
from protocol.key_lock import is_locked, lock_key
from protocol.texts import Texts, system_said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.words import Words
from provisioning.answer import Answer
from provisioning.keeping import KEY_MODE, load_pair, write_whole
from provisioning.passphrase import new_passphrase, no_passphrase
from provisioning.profiles import LEAVES
from provisioning.refusal import RefusedError


class LockError(RefusedError):
    """The key stays as it is."""


def add_lock_words(words: Words) -> None:
    """Teach `provision` its word about passphrases of keys."""
    say = words.say
    lock = words.add(
        "lock",
        say("put a key under a passphrase"),
        say("Puts the key of a person or of the provisioning under a passphrase; its certificate stands beside it."),
        "branchwatch provision lock bureau/bureau-1.key",
        _lock,
    )
    lock.add_argument("key", type=Path, metavar="NAME.key")
    lock.add_argument("--passphrase-fd", type=int, metavar="N", help=say("read the passphrase from file descriptor N"))


def _lock(arguments: Namespace, say: Texts) -> Answer:
    path: Path = arguments.key
    if path.suffix != ".key":
        raise LockError(N_("{path} is no key; name the file that ends in .key"), path=path)
    try:
        locked = is_locked(path.read_bytes())
    except OSError as error:
        raise LockError(N_("{path} cannot be read: {reason}"), path=path, reason=system_said(error)) from None
    if locked:
        raise LockError(N_("{path} has a passphrase already"), path=path)
    pair = load_pair(path.parent, path.stem, no_passphrase)
    if not _is_of_a_person(pair.certificate):
        raise LockError(
            N_("{path} is the key of a program, and nobody is there to type its passphrase; it stays open"), path=path
        )
    passphrase = new_passphrase(arguments.passphrase_fd, say)
    try:
        write_whole(path, lock_key(pair.private_key, passphrase, os.urandom), KEY_MODE)
    except OSError as error:
        raise LockError(
            N_("{path} cannot be written: {reason}; nothing was changed"), path=path, reason=system_said(error)
        ) from None
    return Answer(
        lines=[say("{path}: asks for the passphrase from now on; nobody can open it without.").format(path=path)]
    )


def _is_of_a_person(certificate: x509.Certificate) -> bool:
    """Whether it signs documents and nothing else: boxes, collectors, brokers and issuers show theirs to peers."""
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        issues = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
    return not issues and set(usages) == set(LEAVES[Role.PROVISIONING].usages)
