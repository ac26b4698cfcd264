"""An outside verifier of the audit log: pymerkle hashes, cryptography checks signatures; nothing of ours is trusted.

    python tests/clients/audit.py folder FOLDER VKEY            every file of a log against its signed checkpoint
    python tests/clients/audit.py http URL TOKEN VKEY           a running server's log, tiles and proofs, as a client reads them
    python tests/clients/audit.py cosigned URL VKEY WITNESS…    the checkpoint that others' witnesses cosigned, and that the log grew from it
    python tests/clients/audit.py tamper FOLDER VKEY OLD FORK   10,000 tamperings; OLD and FORK hold an earlier and a forked log

The layout is C2SP tlog-tiles, the checkpoint a C2SP signed note, hashing that of RFC 6962.
"""

import base64
import hashlib
import random
import sys
import time
import warnings
from pathlib import Path

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymerkle import InmemoryTree, verify_consistency, verify_inclusion
from pymerkle.hasher import MerkleHasher

warnings.simplefilter("ignore", DeprecationWarning)
HASHER = MerkleHasher("sha256")
TILE = 256


class Fault(Exception):
    """Something that is not as the log's key signed it."""


class Key:
    def __init__(self, vkey: str) -> None:
        self.name, number, marked = vkey.strip().split("+", 2)
        marked_bytes = base64.b64decode(marked)
        assert marked_bytes[0] == 1, "an Ed25519 key"
        self.number = hashlib.sha256(self.name.encode() + b"\n" + marked_bytes).digest()[:4]
        assert self.number.hex() == number
        self.key = Ed25519PublicKey.from_public_bytes(marked_bytes[1:])

    def open(self, note: bytes) -> tuple[int, bytes]:
        """The size and root of a note that this key signed."""
        try:
            text, signatures = note.decode().split("\n\n", 1)
            text += "\n"
            origin, size, root = text.removesuffix("\n").split("\n")
            if not signatures.endswith("\n"):
                raise Fault("checkpoint: the last line does not end")
            lines = [line.split(" ") for line in signatures.removesuffix("\n").split("\n")]
            # Lines by others may stand there, and nothing else.
            parsed = [(dash, name, base64.b64decode(data, validate=True)) for dash, name, data in lines]
            for dash, name, raw in parsed:
                if dash == "—" and name == self.name and raw[:4] == self.number:
                    self.key.verify(raw[4:], text.encode())
                    if origin != self.name:
                        raise Fault("the origin is another log's")
                    return int(size), base64.b64decode(root, validate=True)
        except (ValueError, InvalidSignature) as error:
            raise Fault(f"checkpoint: {error!r}") from error
        raise Fault("checkpoint: no signature by the key")


class WitnessKey:
    """A cosigner's key (C2SP tlog-cosignature v1)."""

    def __init__(self, vkey: str) -> None:
        self.name, number, marked = vkey.strip().split("+", 2)
        marked_bytes = base64.b64decode(marked)
        assert marked_bytes[0] == 4, "a key of Ed25519 cosignatures"
        self.number = hashlib.sha256(self.name.encode() + b"\n" + marked_bytes).digest()[:4]
        assert self.number.hex() == number
        self.key = Ed25519PublicKey.from_public_bytes(marked_bytes[1:])

    def seen_at(self, note: bytes) -> int:
        """When this witness cosigned the note, in POSIX seconds."""
        text, signatures = note.decode().split("\n\n", 1)
        for line in signatures.splitlines():
            _, name, data = line.split(" ")
            raw = base64.b64decode(data, validate=True)
            if name == self.name and raw[:4] == self.number:
                time = int.from_bytes(raw[4:12], "big")
                self.key.verify(raw[12:], f"cosignature/v1\ntime {time}\n{text}\n".encode())
                return time
        raise Fault(f"{self.name} has not cosigned this")


def tile_path(column: str, number: int, width: int) -> str:
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03}")
    return f"tile/{column}/{'/'.join(parts)}" + ("" if width == TILE else f".p/{width}")


def tiles(column: str, count: int) -> list[tuple[str, int]]:
    """Paths and widths of a column that holds so many."""
    full = [(tile_path(column, n, TILE), TILE) for n in range(count // TILE)]
    return full + ([(tile_path(column, count // TILE, count % TILE), count % TILE)] if count % TILE else [])


def unbundle(data: bytes) -> list[bytes]:
    entries, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        if len(data) < at + 2 or len(entry) < length:
            raise Fault("a bundle is cut off")
        entries.append(entry)
        at += 2 + length
    return entries


def bundle(entries: list[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def root_of(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962 over leaf hashes."""
    if not hashes:
        return HASHER.hash_empty()
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return HASHER.hash_pair(root_of(hashes[:split]), root_of(hashes[split:]))


def extends(first: int, old: bytes, second: int, new: bytes, proof: list[bytes]) -> bool:
    """The check of RFC 9162 section 2.1.4.2, for 0 < first < second."""
    steps = [old, *proof] if first & (first - 1) == 0 else proof
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            before, after = HASHER.hash_pair(step, before), HASHER.hash_pair(step, after)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            after = HASHER.hash_pair(after, step)
        node, last = node >> 1, last >> 1
    return last == 0 and (before, after) == (old, new)


def check(files, key: Key, known: tuple[int, bytes] | None) -> list[bytes]:
    """Raises a Fault unless everything is as signed, and grew from what is known; gives the entries."""
    size, root = key.open(files("checkpoint"))
    entries = []
    for path, width in tiles("entries", size):
        part = unbundle(files(path))
        if len(part) != width:
            raise Fault(f"{path}: {len(part)} entries instead of {width}")
        entries += part
    level = leaves = [HASHER.hash_buff(entry) for entry in entries]
    number = 0
    while level:
        for at, (path, width) in enumerate(tiles(str(number), len(level))):
            if files(path) != b"".join(level[at * TILE : at * TILE + width]):
                raise Fault(f"{path}: not the hashes of what is below")
        level = [root_of(level[at : at + TILE]) for at in range(0, len(level) // TILE * TILE, TILE)]
        number += 1
    if root_of(leaves) != root:
        raise Fault("the entries do not give the signed root")
    if known is not None and (known[0] > size or root_of(leaves[: known[0]]) != known[1]):
        raise Fault("the log did not grow from the known checkpoint")
    return entries


def folder_files(folder: Path) -> dict[str, bytes]:
    paths = [folder / "checkpoint", *(folder / "tile").rglob("*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


def reader(files: dict[str, bytes]):
    def read(path: str) -> bytes:
        if path in files:
            return files[path]
        raise Fault(f"{path}: is not there")

    return read


def verify_folder(folder: Path, key: Key) -> None:
    entries = check(reader(folder_files(folder)), key, None)
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    size, root = key.open((folder / "checkpoint").read_bytes())
    assert (tree.get_size(), tree.get_state()) == (size, root), "pymerkle comes to another root"
    print(f"{key.name}: {size} entries, pymerkle comes to the signed root")


def verify_http(url: str, token: str, key: Key) -> None:
    client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"})
    anybody = httpx.Client(base_url=url)

    def get(path: str) -> bytes:
        place = path.replace("tile/entries/", "entries/")
        answer = (client if "entries" in path else anybody).get(f"/audit/{place}")
        if answer.status_code != 200:
            raise Fault(f"{path}: {answer.status_code} {answer.text[:200]}")
        return answer.content

    assert anybody.get("/audit/key").text.strip().split("+")[0] == key.name
    size, root = key.open(get("checkpoint"))
    # The log grows while it is read (reading is audited): the tree as it was then is what is checked.
    entries = []
    while len(entries) < size:
        number = len(entries) // TILE
        now, _ = key.open(get("checkpoint"))
        width = min(TILE, now - number * TILE)
        entries += unbundle(get(tile_path("entries", number, width)))
    entries = entries[:size]
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    assert tree.get_state() == root, "pymerkle comes to another root"
    refused = anybody.get("/audit/entries/000.p/1")
    assert refused.status_code in (401, 403), f"entries are for auditors: {refused.status_code}"
    for index in sorted({0, 1, size // 3, size // 2, size - 1}):
        answer = anybody.get("/v1/audit/inclusion", params={"index": index, "size": size}).json()
        ours = [base64.b64decode(step) for step in answer["path"]]
        # pymerkle counts entries from 1.
        proof = tree.prove_inclusion(index + 1, size)
        verify_inclusion(HASHER.hash_buff(entries[index]), root, proof)
        theirs = [bytes.fromhex(step) for step in proof.serialize()["path"]]
        theirs.remove(HASHER.hash_buff(entries[index]))
        assert ours == theirs, f"inclusion of {index} in {size}"
    for first in sorted({1, 2, size // 3, size // 2, size - 1}):
        answer = anybody.get("/v1/audit/consistency", params={"from": first, "to": size}).json()
        ours = [base64.b64decode(step) for step in answer["proof"]]
        proof = tree.prove_consistency(first, size)
        verify_consistency(tree.get_state(first), root, proof)
        assert extends(first, tree.get_state(first), size, root, ours), f"consistency of {first} and {size}"
        assert not extends(first, HASHER.hash_buff(b"false"), size, root, ours)
    for path in ("tile/0/999", "tile/0/../../signing-key", "tile/entries/000", "tile/0/000.p/0"):
        answer = anybody.get(f"/audit/{path}")
        assert answer.status_code in (400, 404), f"{path}: {answer.status_code}"
    print(f"{key.name}: {size} entries over HTTP, proofs are those of pymerkle")


def verify_cosigned(url: str, key: Key, witnesses: list[WitnessKey]) -> None:
    anybody = httpx.Client(base_url=url)
    note = anybody.get("/audit/cosigned").raise_for_status().content
    size, root = key.open(note)
    for witness in witnesses:
        assert abs(time.time() - witness.seen_at(note)) < 600, "cosigned long ago"
        for bad in (note.replace(b"\n%d\n" % size, b"\n%d\n" % (size + 1)), note[: note.rindex("— ".encode())]):
            try:
                witness.seen_at(bad)
            except (Fault, InvalidSignature, ValueError):
                continue
            raise SystemExit("a cosignature holds for another checkpoint")
    now, now_root = key.open(anybody.get("/audit/checkpoint").content)
    answer = anybody.get("/v1/audit/consistency", params={"from": size, "to": now}).json()
    proof = [base64.b64decode(step) for step in answer["proof"]]
    assert (size, root) == (now, now_root) or extends(size, root, now, now_root, proof), "the log did not grow from it"
    print(f"{key.name}: {size} entries with {len(witnesses)} cosignature(s), grown to {now}")


def tamperings(files: dict[str, bytes], chance: random.Random):
    """One tampered copy after another, each with its kind."""
    names = sorted(files)
    bundles = [name for name in names if name.startswith("tile/entries/")]
    kinds = ["edit", "delete file", "cut", "grow", "drop entry", "add entry", "swap entries", "swap files", "bend and rehash"]
    while True:
        kind = chance.choice(kinds)
        bad = dict(files)
        name = chance.choice(names)
        if kind == "edit":
            data = bytearray(bad[name])
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            bad[name] = bytes(data)
        elif kind == "delete file":
            del bad[name]
        elif kind == "cut":
            bad[name] = bad[name][: chance.randrange(len(bad[name]))]
        elif kind == "grow":
            bad[name] += bytes(chance.randrange(1, 40))
        elif kind == "swap files":
            other = chance.choice([one for one in names if one != name])
            bad[name], bad[other] = bad[other], bad[name]
        else:
            name = chance.choice(bundles)
            entries = unbundle(bad[name])
            at = chance.randrange(len(entries))
            if kind == "drop entry":
                del entries[at]
            elif kind == "add entry":
                entries.insert(at, b'{"kind":"start"}')
            elif kind == "swap entries":
                other = chance.choice([one for one in range(len(entries)) if one != at])
                entries[at], entries[other] = entries[other], entries[at]
            else:
                # Who can write files can make the tiles fit again; what he can't make is the signature.
                entries[at] = entries[at].replace(b"done", b"none") + b" "
            bad[name] = bundle(entries)
            if kind == "bend and rehash":
                number = int(name.split("/")[2].split(".")[0])
                level = [HASHER.hash_buff(entry) for entry in entries]
                path = tile_path("0", number, len(entries))
                bad[path] = b"".join(level)
        if bad != files:
            yield kind, bad


def tamper(folder: Path, key: Key, old: Path, fork: Path) -> None:
    files = folder_files(folder)
    size, root = key.open(files["checkpoint"])
    # An honest log that an auditor has seen before, and that has grown since, passes.
    seen = key.open((old / "checkpoint").read_bytes())
    check(reader(files), key, seen)
    found: dict[str, int] = {}
    chance = random.Random(20221124)
    count = 10_000
    wrong = [("roll back", folder_files(old)), ("fork", folder_files(fork))]
    made = tamperings(files, chance)
    for number in range(count):
        kind, bad = wrong[number] if number < len(wrong) else next(made)
        try:
            check(reader(bad), key, (size, root))
        except Fault:
            found[kind] = found.get(kind, 0) + 1
        else:
            raise SystemExit(f"tampering {number} ({kind}) was not found")
    kinds = ", ".join(f"{kind} {times}" for kind, times in sorted(found.items()))
    print(f"{sum(found.values())} of {count} tamperings found: {kinds}")


def main() -> None:
    verb, *rest = sys.argv[1:]
    if verb == "folder":
        verify_folder(Path(rest[0]), Key(rest[1]))
    elif verb == "http":
        verify_http(rest[0], rest[1], Key(rest[2]))
    elif verb == "cosigned":
        verify_cosigned(rest[0], Key(rest[1]), [WitnessKey(vkey) for vkey in rest[2:]])
    else:
        tamper(Path(rest[0]), Key(rest[1]), Path(rest[2]), Path(rest[3]))


if __name__ == "__main__":
    main()
