"""The Chinese suite against outsiders: PyPI gmssl, OpenSSL's command line, and cryptography; nothing of ours is trusted.

    python tests/clients/sm.py check FILE          what ours hashed, signed and sealed, checked by all of them
    python tests/clients/sm.py make FILE COUNT     what they hash, sign and seal, for ours to check

FILE is JSON: "sm3" [{text, hash}], "sm4" [{key, nonce, bound, text, sealed}], "sm2" [{vkey, note}], bytes in hex.
"""

import base64
import hashlib
import json
import secrets
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from gmssl import func, sm2, sm3, sm4

warnings.simplefilter("ignore", DeprecationWarning)
MARK = b"\xffbanyan/sm2-with-sm3"
# SubjectPublicKeyInfo of an uncompressed point on the curve SM2 (1.2.156.10197.1.301).
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
ID = "distid:1234567812345678"


def openssl(*args: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout


def sm3_of(text: bytes) -> bytes:
    """By gmssl and by OpenSSL, which must agree."""
    one = bytes.fromhex(sm3.sm3_hash(func.bytes_to_list(text)))
    two = openssl("dgst", "-sm3", "-binary", data=text)
    assert one == two, "the outsiders disagree on SM3"
    return one


def sm4_ctr(key: bytes, nonce: bytes, text: bytes) -> bytes:
    """What GCM does to the text, without its tag: counter mode from 2 on, by OpenSSL and by gmssl's block cipher."""
    start = nonce + (2).to_bytes(4, "big")
    one = openssl("enc", "-sm4-ctr", "-nopad", "-K", key.hex(), "-iv", start.hex(), data=text)
    block = sm4.CryptSM4(padding_mode=2)
    block.set_key(key, sm4.SM4_ENCRYPT)
    two = b""
    for number in range((len(text) + 15) // 16):
        stream = bytes(block.one_round(block.sk, func.bytes_to_list(nonce + (2 + number).to_bytes(4, "big"))))
        two += bytes(a ^ b for a, b in zip(text[16 * number :], stream))
    assert one == two, "the outsiders disagree on SM4"
    return one


def sm4_gcm(key: bytes, nonce: bytes, bound: bytes, text: bytes) -> bytes:
    sealer = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    sealer.authenticate_additional_data(bound)
    return nonce + sealer.update(text) + sealer.finalize() + sealer.tag


def sm4_opens(key: bytes, bound: bytes, sealed: bytes) -> bytes | None:
    opener = Cipher(algorithms.SM4(key), modes.GCM(sealed[:12], sealed[-16:])).decryptor()
    opener.authenticate_additional_data(bound)
    try:
        return opener.update(sealed[12:-16]) + opener.finalize()
    except InvalidTag:
        return None


def der(signature: bytes) -> bytes:
    """r and s as ASN.1."""
    whole = b""
    for part in (signature[:32], signature[32:]):
        number = int.from_bytes(part, "big")
        data = number.to_bytes(number.bit_length() // 8 + 1, "big")
        whole += bytes([2, len(data)]) + data
    return bytes([0x30, len(whole)]) + whole


def undo_der(data: bytes) -> bytes:
    at, out = 2, b""
    for _ in range(2):
        length = data[at + 1]
        out += int.from_bytes(data[at + 2 : at + 2 + length], "big").to_bytes(32, "big")
        at += 2 + length
    return out


def pem(point: bytes) -> str:
    return f"-----BEGIN PUBLIC KEY-----\n{base64.encodebytes(SPKI + point).decode()}-----END PUBLIC KEY-----\n"


def gmssl_key(point: bytes, private: str = "") -> sm2.CryptSM2:
    key = sm2.CryptSM2(private_key=private, public_key="")
    # Its constructor strips zeroes and fours from the front of some keys.
    key.public_key = point[1:].hex()
    return key


def holds(point: bytes, text: bytes, signature: bytes, folder: Path) -> bool:
    """Whether gmssl and OpenSSL take a signature; they must agree."""
    one = gmssl_key(point).verify_with_sm3(signature.hex(), text)
    for name, data in (("key", pem(point).encode()), ("text", text), ("sig", der(signature))):
        (folder / name).write_bytes(data)
    args = ["pkeyutl", "-verify", "-pubin", "-inkey", "key", "-rawin", "-digest", "sm3", "-pkeyopt", ID]
    run = subprocess.run(["openssl", *args, "-in", "text", "-sigfile", "sig"], cwd=folder, capture_output=True)
    two = run.returncode == 0
    assert bool(one) == two, f"the outsiders disagree on SM2: {one} {run}"
    return two


def numbered(name: str, point: bytes) -> tuple[bytes, str]:
    """A key's number, and the key as a reader is given it."""
    number = hashlib.sha256(name.encode() + b"\n" + MARK + point).digest()[:4]
    return number, f"{name}+{number.hex()}+{base64.b64encode(MARK + point).decode()}"


def signed_note(name: str, point: bytes, size: int, sign) -> dict[str, str]:
    number, vkey = numbered(name, point)
    text = f"{name}\n{size}\n{base64.b64encode(secrets.token_bytes(32)).decode()}\n"
    line = base64.b64encode(number + sign(text.encode())).decode()
    return {"vkey": vkey, "note": f"{text}\n— {name} {line}\n"}


def check_note(vkey: str, note: str, folder: Path) -> None:
    name, number, marked = vkey.split("+", 2)
    raw = base64.b64decode(marked)
    assert raw.startswith(MARK)
    point = raw.removeprefix(MARK)
    assert numbered(name, point)[0].hex() == number
    text, line = note.split("\n\n")
    data = base64.b64decode(line.split(" ")[2])
    assert data[:4].hex() == number
    body = (text + "\n").encode()
    assert holds(point, body, data[4:], folder), "the signature of a checkpoint does not hold"
    assert not holds(point, body.replace(b"\n", b"\n1", 1), data[4:], folder), "another checkpoint passes for signed"


def check(path: Path) -> None:
    ours = json.loads(path.read_text())
    for case in ours["sm3"]:
        assert sm3_of(bytes.fromhex(case["text"])).hex() == case["hash"], case
    for case in ours["sm4"]:
        key, nonce, bound, text, sealed = (bytes.fromhex(case[name]) for name in ("key", "nonce", "bound", "text", "sealed"))
        assert sealed == sm4_gcm(key, nonce, bound, text), case
        assert sealed[12:-16] == sm4_ctr(key, nonce, text), case
        assert sm4_opens(key, bound, sealed) == text, case
        assert sm4_opens(key, bound + b"x", sealed) is None, case
    with tempfile.TemporaryDirectory() as folder:
        for case in ours["sm2"]:
            check_note(case["vkey"], case["note"], Path(folder))
    print(", ".join(f"{len(ours[name])} {name}" for name in ("sm3", "sm4", "sm2")), "as outsiders have them")


def make(path: Path, count: int) -> None:
    theirs: dict[str, list] = {"sm3": [], "sm4": [], "sm2": []}
    for number in range(count):
        text = secrets.token_bytes(number * 7 % 300)
        # As an entry of the log is hashed.
        text = b"\0" + text
        theirs["sm3"].append({"text": text.hex(), "hash": sm3_of(text).hex()})
        key, nonce, bound = (secrets.token_bytes(length) for length in (16, 12, number % 50))
        sealed = sm4_gcm(key, nonce, bound, text)
        case = {"key": key, "nonce": nonce, "bound": bound, "text": text, "sealed": sealed}
        theirs["sm4"].append({name: value.hex() for name, value in case.items()})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(count // 4):
            openssl("genpkey", "-algorithm", "SM2", "-out", str(folder / "key.pem"))
            public = openssl("pkey", "-in", str(folder / "key.pem"), "-pubout", "-outform", "DER")
            point = public.removeprefix(SPKI)
            assert len(point) == 65
            whole = openssl("pkey", "-in", str(folder / "key.pem"), "-text", "-noout").decode()
            digits = whole.split("priv:")[1].split("pub:")[0]
            private = int("".join(digits.replace(":", "").split()), 16)

            def by_openssl(text: bytes) -> bytes:
                (folder / "text").write_bytes(text)
                args = ["-rawin", "-digest", "sm3", "-pkeyopt", ID, "-in", str(folder / "text")]
                return undo_der(openssl("pkeyutl", "-sign", "-inkey", str(folder / "key.pem"), *args))

            def by_gmssl(text: bytes) -> bytes:
                signer = gmssl_key(point, f"{private:064x}")
                return bytes.fromhex(signer.sign_with_sm3(text, f"{secrets.randbits(250):064x}"))

            for sign in (by_openssl, by_gmssl):
                theirs["sm2"].append(signed_note("banyan.local/node-1", point, number, sign))
    path.write_text(json.dumps(theirs))


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(Path(sys.argv[2]))
    else:
        make(Path(sys.argv[2]), int(sys.argv[3]))
