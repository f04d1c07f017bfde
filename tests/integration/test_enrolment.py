"""The real enrolment over TLS and the real `agent enrol`: every way in that is one, and every way that is none."""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.identity import load_enrolled_identity
from protocol.certificates import Issuer
from protocol.enrolled import read_enrolled, spoken_fingerprint
from protocol.enrolment_code import EnrolmentCode, encode_code, read_invitation
from provisioning import deeds
from provisioning.authority import Authority
from provisioning.enrolment.serving import MAX_CONNECTIONS
from provisioning.keeping import load_certificate
from tests.conftest import EventuallyBlocking, StartProcess
from tests.enrolment_servers import BOX, BRANCHWATCH, ROOT, SITE, Between, Enrolling, thumbprint_of

SEED = int(os.environ.get("BRANCHWATCH_SEED", "3"))


@pytest.fixture
def bank(
    tmp_path: Path, free_port: Callable[[], int], process: StartProcess, eventually_blocking: EventuallyBlocking
) -> Enrolling:
    """An authority and its enrolment; the server is not started."""
    return Enrolling(tmp_path, free_port(), process, eventually_blocking).make()


def certificate_of(bank: Enrolling, state: str = "state") -> Path:
    """Where the certificate would be."""
    return bank.state(state) / "identity" / "box.pem"


def test_a_bare_machine_becomes_a_box(bank: Enrolling) -> None:
    """Code, kit, one command: certificate from the kit's root, keys 0600, the fingerprint that both sides read."""
    bank.serve()
    code = bank.token()
    done = bank.ask(code)
    assert done.returncode == 0, done.stderr
    identity = load_enrolled_identity(bank.state(), load_certificate(certificate_of(bank)).not_valid_before_utc)
    assert (identity.box, identity.site) == (BOX, SITE)
    for name in ("signing.key", "sealing.key"):
        assert (bank.state() / "identity" / name).stat().st_mode & 0o777 == 0o600
    told = read_enrolled((bank.enrol / "enrolled" / f"{BOX}.json").read_bytes())
    assert told.signing == thumbprint_of(bank.state())
    assert spoken_fingerprint(told.signing, b64decode(told.sealing_key)) in done.stdout
    assert bank.acts() == ["token", "enrolled"]
    assert bank.server is not None
    assert bank.server.stop() == 0


@pytest.mark.parametrize("how", ["prompt", "code", "link", "pipe"])
def test_every_way_to_give_the_code(bank: Enrolling, how: str) -> None:
    """Typed small with dashes on the command line, scanned as a link, through a pipe of the code or the link alone."""
    bank.serve()
    link = bank.token().read_text().strip()
    text = link.rpartition("code=")[2]
    typed = "-".join(text[i : i + 4] for i in range(0, 48, 4)).lower()
    words: list[str | Path] = ["--kit", bank.kit(), "--state", bank.state()]
    if how == "code":
        done = bank.agent("enrol", "--code", typed, *words)
    elif how == "link":
        done = bank.agent("enrol", "--code", link, *words)
    elif how == "pipe":
        done = bank.agent("enrol", "--code-file", "-", *words, stdin=link)
    else:
        done = bank.agent("enrol", *words, stdin=f"{typed}\n")
    assert done.returncode == 0, done.stderr


def test_a_slip_costs_no_try(bank: Enrolling) -> None:
    """A wrong letter is found on the box, its group named; the enrolment hears nothing."""
    bank.serve()
    text = bank.token().read_text().strip().rpartition("code=")[2]
    slip = text[:21] + ("A" if text[21] != "A" else "C") + text[22:]
    done = bank.agent("enrol", "--code", slip, "--kit", bank.kit(), "--state", bank.state())
    assert done.returncode == 2
    assert "group 6" in done.stderr
    assert slip not in done.stderr
    assert bank.acts() == ["token"]
    assert not bank.state().exists()


def test_used_ended_foreign_guessed_and_dead_codes_are_refused(bank: Enrolling) -> None:
    """Each with its own sentence and exit code 1, each in the record, and no certificate anywhere."""
    bank.serve()
    used = bank.token()
    assert bank.ask(used, state="honest").returncode == 0

    def refused(code: Path, reason: str, sentence: str, **where: str) -> None:
        done = bank.ask(code, state="thief", **where)
        assert done.returncode == 1, done.stdout + done.stderr
        assert sentence in done.stderr
        assert bank.reasons()[-1] == reason
        assert not certificate_of(bank, "thief").exists()

    refused(used, "code_used", "security officer at once")
    ended = bank.token("0755-032", "--valid", "1ms", box="0755-032-a")
    refused(ended, "code_expired", "has ended", site="0755-032", box="0755-032-a")
    foreign = bank.token("0755-033", box="0755-033-a")
    bare = bank.folder / "bare.txt"
    bare.write_text(foreign.read_text().strip().rpartition("code=")[2])
    refused(bare, "site_wrong", "another site", site="0755-034", box="0755-034-a")
    older = bank.token("0755-035", box="0755-035-a")
    bank.token("0755-035", box="0755-035-a")
    refused(older, "code_dead", "newer one", site="0755-035", box="0755-035-a")


def test_a_link_for_another_kit_is_told_on_the_box(bank: Enrolling) -> None:
    """The link names site and box: a stick that was swapped costs no try."""
    code = bank.token()
    done = bank.ask(code, site="0755-034", box="0755-034-a")
    assert done.returncode == 2
    assert "this kit is for site 0755-034" in done.stderr


def test_five_guesses_over_the_wire_kill_the_code(bank: Enrolling) -> None:
    """Whoever knows the address, the box's name and the issuer's key guesses five times; then nobody enrols with it."""
    bank.serve()
    code = bank.token()
    pin = read_invitation(code.read_text()).code.pin
    for number in range(5):
        guess = bank.folder / f"guess-{number}.txt"
        guess.write_text(encode_code(EnrolmentCode(secret=bytes([number] * 10), pin=pin)))
        done = bank.ask(guess, state="thief")
        assert done.returncode == 1
    assert "dead" in done.stderr
    done = bank.ask(code)
    assert done.returncode == 1
    assert "dead" in done.stderr
    assert bank.acts() == ["token", *["refused"] * 5, "code_dead", "refused"]


def test_a_man_in_the_middle_gets_nothing(bank: Enrolling) -> None:
    """With another issuer, or the true issuer's certificate: he hears a request for it, and no secret and no CSR."""
    code = bank.token()
    secret = read_invitation(code.read_text()).code
    other = Authority.create(now=load_certificate(bank.ca / "root.pem").not_valid_before_utc)
    for shown in (other, bank.authority()):
        issuer = shown.issuers[Issuer.BOXES].certificate.public_bytes(Encoding.DER)
        with Between(issuer, other).listening() as between:
            done = bank.ask(code, "--at", f"127.0.0.1:{between.port}")
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Nothing was sent" in done.stderr
        (heard,) = between.heard
        assert heard.startswith(b"GET /v1/issuer HTTP/1.1\r\n")
        assert heard.count(b"HTTP/1.1") == 1
        assert b"POST" not in heard
        assert secret.secret not in heard
        assert b"bw-enrol" not in heard
    assert not certificate_of(bank).exists()
    bank.serve()
    assert bank.ask(code).returncode == 0


def test_a_checked_connection_is_never_swapped_for_another(bank: Enrolling) -> None:
    """The true enrolment ends the connection after it was checked; who takes its place on the line hears nothing."""
    code, true = bank.token(), bank.authority()
    issuer = true.issuers[Issuer.BOXES].certificate.public_bytes(Encoding.DER)
    thief = Authority.create(now=load_certificate(bank.ca / "root.pem").not_valid_before_utc)
    with Between(issuer, true, thief).listening() as between:
        done = bank.ask(code, "--at", f"127.0.0.1:{between.port}")
    assert done.returncode == 3, done.stdout + done.stderr
    assert len(between.heard) == 1
    assert between.heard[0].startswith(b"GET /v1/issuer")
    assert b"POST" not in between.heard[0]


def test_the_enrolment_of_another_bank_is_refused_by_the_kit(bank: Enrolling, tmp_path: Path) -> None:
    """A stick with another root: the box keeps its keys and nothing else."""
    bank.serve()
    code, kit = bank.token(), bank.kit()
    other = Authority.create(now=load_certificate(bank.ca / "root.pem").not_valid_before_utc)
    (kit / "root.pem").write_bytes(other.root.certificate.public_bytes(Encoding.PEM))
    done = bank.agent("enrol", "--code-file", code, "--kit", kit, "--state", bank.state())
    assert done.returncode == 1
    assert "another root" in done.stderr
    assert sorted(path.name for path in (bank.state() / "identity").iterdir()) == ["sealing.key", "signing.key"]
    assert bank.ask(code).returncode == 0


def test_nobody_there_is_exit_code_three(bank: Enrolling) -> None:
    """And the key that was made is used by the next try."""
    code = bank.token()
    done = bank.ask(code)
    assert done.returncode == 3
    assert "cannot be reached" in done.stderr
    assert "Next step: check cable and router" in done.stderr
    key = thumbprint_of(bank.state())
    bank.serve()
    assert bank.ask(code).returncode == 0
    assert thumbprint_of(bank.state()) == key


def test_an_enrolled_box_does_not_enrol_by_accident(bank: Enrolling) -> None:
    """Only with --again and a code for that, under the same key and without a kit."""
    bank.serve()
    assert bank.ask(bank.token()).returncode == 0
    key = thumbprint_of(bank.state())
    again = bank.token(SITE, "--again")
    done = bank.ask(again)
    assert done.returncode == 2
    assert "enrolled already" in done.stderr
    done = bank.agent("enrol", "--code-file", again, "--again", "--state", bank.state(), "--at", bank.at)
    assert done.returncode == 0, done.stderr
    assert thumbprint_of(bank.state()) == key
    assert "agent enrol --again" in done.stdout, "without a site file its next step is said"


class Swallower:
    """Passes bytes on to the server and, from a moment on, swallows what comes back: a line that breaks."""

    def __init__(self, port: int, broken: Callable[[], bool]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self.port = int(self._listener.getsockname()[1])
        self._to, self._broken = port, broken
        self._thread = threading.Thread(target=self._run)
        self.swallowed = False

    @contextmanager
    def between(self) -> Iterator[Swallower]:
        """Carry one connection."""
        self._thread.start()
        try:
            yield self
        finally:
            self._listener.close()
            self._thread.join(20)

    def _run(self) -> None:
        with suppress(OSError):
            near, _ = self._listener.accept()
            with near, socket.create_connection(("127.0.0.1", self._to)) as far:
                up = threading.Thread(target=self._up, args=(near, far))
                up.start()
                with suppress(OSError):
                    self._down(near, far)
                for end in (near, far):
                    with suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                up.join(20)

    def _up(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while part := near.recv(65_536):
                far.sendall(part)
            far.shutdown(socket.SHUT_RDWR)

    def _down(self, near: socket.socket, far: socket.socket) -> None:
        while part := far.recv(65_536):
            if self._broken():
                self.swallowed = True
                return
            near.sendall(part)


def test_a_lost_answer_is_asked_for_again(bank: Enrolling) -> None:
    """The line breaks after the enrolment decided: the same box with the same code gets its certificate."""
    bank.serve()
    code = bank.token()
    with Swallower(bank.port, lambda: "enrolled" in bank.acts()).between() as line:
        done = bank.ask(code, "--at", f"127.0.0.1:{line.port}")
    assert line.swallowed
    assert done.returncode == 3, done.stdout + done.stderr
    assert not certificate_of(bank).exists()
    assert bank.acts() == ["token", "enrolled"]
    assert bank.ask(code).returncode == 0
    assert bank.acts() == ["token", "enrolled", "enrolled"]


@pytest.mark.parametrize("round_", range(4))
def test_a_killed_server_leaves_a_recorded_certificate_at_most(bank: Enrolling, round_: int) -> None:
    """Killed while boxes ask, at seeded points: every certificate that a box has is recorded; the rest asks again."""
    chance = random.Random(SEED * 100 + round_)
    server = bank.serve()
    boxes = [f"0755-04{number}-a" for number in range(4)]
    codes = {box: bank.token(box[:-2], box=box) for box in boxes}
    before = len(bank.acts())
    asking = [
        subprocess.Popen(
            [*BRANCHWATCH, "agent", "enrol", "--code-file", codes[box], "--kit", bank.kit(box[:-2], box),
             "--state", bank.state(box)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for box in boxes
    ]  # fmt: skip
    wanted = before + chance.randrange(0, 4)
    bank.eventually(lambda: len(bank.acts()) >= wanted or all(each.poll() is not None for each in asking), timeout_s=20)
    server.send(signal.SIGKILL)
    server.wait()
    for each in asking:
        each.wait(30)
    recorded = {entry.facts.get("certificate") for entry in bank.entries()}
    have = [box for box in boxes if certificate_of(bank, box).exists()]
    assert {deeds.digest_of(load_certificate(certificate_of(bank, box))) for box in have} <= recorded
    bank.serve()
    for box in set(boxes) - set(have):
        done = bank.ask(codes[box], state=box, site=box[:-2], box=box)
        assert done.returncode == 0, done.stderr
    bank.provision("audit", "--dir", str(bank.enrol))


def test_many_boxes_at_once(bank: Enrolling) -> None:
    """Sixteen that ask in the same second all get a certificate of their own; the record is whole."""
    bank.serve()
    boxes = [f"0755-1{number:02d}-a" for number in range(16)]
    codes = {box: bank.token(box[:-2], box=box) for box in boxes}
    asking = {
        box: subprocess.Popen(
            [*BRANCHWATCH, "agent", "enrol", "--code-file", codes[box], "--kit", bank.kit(box[:-2], box),
             "--state", bank.state(box)],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for box in boxes
    }  # fmt: skip
    for box, child in asking.items():
        _, error = child.communicate(timeout=60)
        assert child.returncode == 0, (box, error)
    assert len({load_certificate(certificate_of(bank, box)).serial_number for box in boxes}) == 16
    bank.provision("audit", "--dir", str(bank.enrol))


def test_openssl_meets_tls_1_3_and_nothing_less(bank: Enrolling) -> None:
    """`openssl s_client`: TLS 1.3 with a certificate of two days, signed by the boxes' issuer; TLS 1.2 gets no word."""
    bank.serve()

    def client(*words: str) -> str:
        done = subprocess.run(
            ["openssl", "s_client", "-connect", bank.at, "-showcerts", *words],
            input="",
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.stdout + done.stderr

    shown = client("-tls1_3")
    assert "TLSv1.3" in shown
    pem = re.search("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", shown, re.DOTALL)
    assert pem is not None
    leaf = x509.load_pem_x509_certificate(pem[0].encode())
    leaf.verify_directly_issued_by(bank.authority().issuers[Issuer.BOXES].certificate)
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days == 2
    older = client("-tls1_2")
    assert "BEGIN CERTIFICATE" not in older
    (bank.folder / "leaf.pem").write_text(pem[0])
    purpose = subprocess.run(
        ["openssl", "x509", "-in", bank.folder / "leaf.pem", "-noout", "-purpose"], capture_output=True, text=True
    )
    assert "SSL client : No" in purpose.stdout
    assert "SSL server : Yes" in purpose.stdout


def test_a_wrong_address_is_told_as_one(bank: Enrolling) -> None:
    """Something else listens there: plain, or not an enrolment; the box says so and sends nothing."""
    code = bank.token()
    with socket.create_server(("127.0.0.1", 0)) as plain:
        plain.settimeout(20)

        def answer() -> None:
            link, _ = plain.accept()
            with link:
                link.recv(1000)
                link.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        done = bank.ask(code, "--at", f"127.0.0.1:{plain.getsockname()[1]}")
        thread.join(20)
    assert done.returncode == 3
    assert "not with TLS 1.3" in done.stderr


def test_too_much_is_cut_off(bank: Enrolling) -> None:
    """A body without end gets an error before it has ended; other addresses get RFC 9457 too; health needs nothing."""
    bank.serve()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def asked(method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, object]]:
        link = http.client.HTTPSConnection("127.0.0.1", bank.port, context=context, timeout=20)
        try:
            link.request(method, path, body)
            response = link.getresponse()
            return response.status, json.loads(response.read())
        finally:
            link.close()

    assert asked("POST", "/v1/enrol", b"x" * 40_000)[0] == 413
    status, problem = asked("POST", "/v1/enrol", b"x")
    assert (status, problem["code"]) == (400, "malformed")
    assert asked("GET", "/v1/enrol")[0] == 405
    assert asked("GET", "/../../etc/passwd")[0] == 404
    assert asked("GET", "/healthz") == (200, {"status": "ok", "revocation_list": "ok"})
    assert bank.acts() == []


def test_one_machine_does_not_keep_everybody_out(bank: Enrolling) -> None:
    """It opens as many connections as the enrolment takes, and says nothing; a box from elsewhere is answered."""
    bank.serve()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as held:
        for _ in range(MAX_CONNECTIONS):
            with suppress(OSError):
                raw = held.enter_context(socket.create_connection(("127.0.0.1", bank.port), timeout=20))
                held.enter_context(context.wrap_socket(raw))
        link = http.client.HTTPSConnection(
            "127.0.0.1", bank.port, context=context, timeout=20, source_address=("127.0.0.2", 0)
        )
        held.callback(link.close)
        link.request("GET", "/v1/issuer")
        assert link.getresponse().status == 200


def test_a_taken_address_and_a_broken_record_are_one_sentence(bank: Enrolling) -> None:
    """The server does not start; it says which and what to do next, with exit code 2."""
    with socket.create_server(("127.0.0.1", bank.port)):
        taken = subprocess.run(
            [*BRANCHWATCH, "provision", "serve", "--dir", bank.enrol, "--listen", bank.at],
            cwd=ROOT, capture_output=True, text=True, timeout=30, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    assert taken.returncode == 2
    assert f"cannot listen on {bank.at}" in taken.stderr
    record = bank.enrol / "record.ndjson"
    record.write_bytes(record.read_bytes().replace(b'"act":"made"', b'"act":"mode"'))
    broken = subprocess.run(
        [*BRANCHWATCH, "provision", "serve", "--dir", bank.enrol, "--listen", bank.at],
        cwd=ROOT, capture_output=True, text=True, timeout=30, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    assert broken.returncode == 2
    assert "broken at line 1" in broken.stderr
    assert "Traceback" not in taken.stderr + broken.stderr
