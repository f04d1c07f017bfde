"""The installer's key from a stick: what cannot be read, and what does not fit, is said with what would do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.acceptance.installer import InstallerError, load_signer


@pytest.mark.skipif(os.geteuid() != 0, reason="a file is closed to nobody but to another user")
def test_a_key_on_a_stick_with_owners_is_told_what_would_do(tmp_path: Path) -> None:
    """The agent's words run as its own user; a key that root copied there at 0600 is closed to them."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o711)
    certificate = tmp_path / "li-na.pem"
    certificate.write_text("")
    certificate.chmod(0o600)
    os.seteuid(65534)
    try:
        with pytest.raises(InstallerError, match="chmod 644"):
            load_signer(tmp_path / "li-na.key", certificate, lambda: b"")
    finally:
        os.seteuid(0)
