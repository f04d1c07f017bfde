"""What a batch of bundles is about to do, and what it did, in sentences for the person who signs. Pure.

Flow: bundle_words.py -> here -> preview.py.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from protocol.texts import Said, said
from provisioning.bundles.building import Planned
from provisioning.bundles.preview import changes, clean, touched_said
from provisioning.bundles.second import Signed
from provisioning.bundles.shelf import WAITING
from provisioning.signers import ProvisioningKey


def planned_said(planned: Planned, *, only_changed: bool) -> Iterator[Said]:
    """What is to become of one site, before anything is signed."""
    entry, bundle, newest = planned.entry, planned.bundle, planned.newest
    name = clean(f"{entry.id} {entry.settings.get('name', '')}")
    if planned.waits is not None:
        yield said(
            "{site}: version {version} of {box} waits for a second signature",
            site=name,
            version=planned.waits.version,
            box=entry.box,
        )
        return
    if bundle is None:
        if not only_changed and newest is not None:
            yield said("{site}: unchanged, version {version}", site=name, version=newest.version)
    elif newest is None:
        yield said(
            "{site}: the first bundle of {box}, version {version}", site=name, box=entry.box, version=bundle.version
        )
    else:
        yield said(
            "{site}: version {version} of {box}, after {before}",
            site=name,
            version=bundle.version,
            box=entry.box,
            before=newest.version,
        )
    if bundle is not None:
        yield from (said("  {line}", line=line) for line in _content(planned))
    if bundle is not None and newest is None and planned.enrolled and bundle.version == 1:
        yield said(
            "  {box} is enrolled, and no bundle of it lies here: if it ever had one, it refuses this one. "
            "Give its folder by --out, or its number by --above",
            box=entry.box,
        )
    for secret in planned.missing:
        yield said("  secret {name}: missing, its devices stay unknown; give --secrets", name=secret)


def _content(planned: Planned) -> Iterator[Said]:
    bundle = planned.bundle
    if bundle is None:
        return
    if bundle.rollback:
        yield said("goes back to earlier settings: {reason}", reason=bundle.reason)
    yield from changes(planned.newest, bundle)
    if planned.needs_two:
        yield said("touches {touches}: needs two signatures", touches=touched_said(planned.touches))
    else:
        yield said("one signature is enough")


def done_said(planned: Sequence[Planned], out: Path, keys: Sequence[ProvisioningKey]) -> Iterator[Said]:
    """What was written, and what is to be done next."""
    signers = ", ".join(key.identity.id for key in keys)
    made = [each for each in planned if each.bundle is not None]
    waiting = [each for each in made if each.needs_two and len(keys) == 1]
    still = [each for each in planned if each.waits is not None]
    for each in made:
        if each not in waiting:
            yield said("{file}: signed by {signers}", file=out / f"{each.entry.box}.json", signers=signers)
    for each in waiting:
        yield said(
            "{file}: signed by {signers}, waits for a second signature",
            file=out / WAITING / f"{each.entry.box}.json",
            signers=signers,
        )
    yield said(
        "Bundles to be given out: {given}; waiting for a second signature: {waiting}; sites unchanged: {same}.",
        given=len(made) - len(waiting),
        waiting=len(waiting) + len(still),
        same=len(planned) - len(made) - len(still),
    )
    if waits := [*waiting, *still]:
        name = "*" if len(waits) > 1 else waits[0].entry.box
        yield said(
            "Next step, by another person: branchwatch provision sign {files} --key OTHER.key",
            files=out / WAITING / f"{name}.json",
        )
    if any(each.bundle is not None and each.bundle.rollback for each in made):
        yield said("The inventory still has the newer settings: mend it before the next build.")


def asked_said(signed: Signed) -> Iterator[Said]:
    """What the second person is asked to sign."""
    bundle, newest = signed.bundle, signed.past.newest
    yield said(
        "{file}: version {version} of {box} at site {site}",
        file=signed.path,
        version=bundle.version,
        box=bundle.box,
        site=bundle.site,
    )
    if bundle.rollback:
        yield said("  {line}", line=said("goes back to earlier settings: {reason}", reason=bundle.reason))
    yield from (said("  {line}", line=line) for line in changes(newest, bundle))
    yield said("  {line}", line=said("touches {touches}: needs two signatures", touches=touched_said(signed.touches)))
    yield said("  signed so far by {signers}", signers=", ".join(signed.signers))
