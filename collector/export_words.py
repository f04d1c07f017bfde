"""`collector export --evidence`: the pictures and clips beside the ledger, as a person asks for them.

Flow: command.py, once the ledger is written -> here -> exporting.py.
"""

import sys
from pathlib import Path

from collector.config import Config
from protocol.texts import Texts, system_said, told

DONE, INPUT_WRONG, OUT_OF_REACH = 0, 2, 3


def export_evidence_words(config: Config, folder: Path, ledger: Path, lines: int, upto: int, say: Texts) -> int:
    """Copy them, and say what was copied; 0 done, 2 the folder will not do, 3 cannot be reached."""
    from collector.evidence.files import FilesError
    from collector.evidence.folder import Folder
    from collector.exporting import export_evidence
    from collector.storage.store import Store, StoreError

    kept = config.evidence_folder
    if kept is None:
        print(say("this centre takes no pictures: its collector.toml has no [evidence]"), file=sys.stderr)
        return INPUT_WRONG
    try:
        store = Store(config.database_url)
        try:
            copied = export_evidence(store, Folder(kept), folder, upto)
        finally:
            store.close()
    except (StoreError, FilesError) as error:
        print(told(error, say), file=sys.stderr)
        return OUT_OF_REACH
    except OSError as error:
        text = say("{file} cannot be written: {reason}")
        print(text.format(file=folder, reason=system_said(error).told(say)), file=sys.stderr)
        return INPUT_WRONG
    for name in copied.unfit[:10]:
        print(say("{name} was not copied: its bytes are not what was sealed").format(name=name), file=sys.stderr)
    text = say(
        "{file}: {count} records, {files} pictures and clips. Next step: branchwatch verify {file} --evidence {dir}"
    )
    print(text.format(file=ledger, count=lines, files=copied.files, dir=folder))
    return DONE
