"""Certificates made with the openssl program: an authority, and leaves good and bad."""

import base64
import hashlib
import os
import subprocess


def _openssl(*arguments, cwd):
    subprocess.run(["openssl", *arguments], cwd=cwd, check=True, capture_output=True, timeout=60)


def public_key_pin(certificate):
    """Base64 of the SHA-256 of a certificate's public key."""
    public = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"],
                            check=True, capture_output=True, timeout=60).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public,
                         check=True, capture_output=True, timeout=60).stdout
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Authority:
    """A certificate authority of a test. Paths are absolute."""

    def __init__(self, folder, name="Gatepost test authority"):
        self.folder = os.path.join(str(folder), name.replace(" ", "-").lower())
        os.makedirs(os.path.join(self.folder, "issued"))
        self.certificate = os.path.join(self.folder, "ca.crt")
        self._key = os.path.join(self.folder, "ca.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", self._key, "-out", self.certificate, "-days", "30",
                 "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign", cwd=self.folder)
        with open(os.path.join(self.folder, "index.txt"), "w"):
            pass
        with open(os.path.join(self.folder, "ca.cnf"), "w") as config:
            config.write(
                "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=issued\n"
                "rand_serial=yes\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\n"
                "unique_subject=no\nemail_in_dn=no\n[p]\norganizationName=optional\n"
                "commonName=supplied\n")

    def leaf(self, file_name="leaf", names=("localhost",), addresses=("127.0.0.1", "::1"),
             starts="20200101000000Z", ends="20491231000000Z", kind="ec", usage="serverAuth",
             subject=None):
        """Issues a certificate; returns (certificate path, key path). `kind` of key: ec or rsa."""
        certificate = os.path.join(self.folder, f"{file_name}.crt")
        key = os.path.join(self.folder, f"{file_name}.key")
        request = os.path.join(self.folder, f"{file_name}.csr")
        alternatives = ",".join([f"DNS:{name}" for name in names] +
                                [f"IP:{address}" for address in addresses])
        new_key = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["rsa:2048"]
        _openssl("req", "-new", "-newkey", *new_key, "-nodes", "-utf8",
                 "-keyout", key, "-out", request, "-subj", subject or f"/CN={file_name}",
                 *(["-addext", f"subjectAltName={alternatives}"] if alternatives else []),
                 "-addext", f"extendedKeyUsage={usage}", cwd=self.folder)
        _openssl("ca", "-batch", "-config", "ca.cnf", "-cert", self.certificate, "-keyfile",
                 self._key, "-in", request, "-out", certificate, "-notext",
                 "-startdate", starts, "-enddate", ends, cwd=self.folder)
        return certificate, key

    def ocsp_response(self, certificate, path, days=7):
        """Writes an OCSP response (DER) that says that the certificate is good."""
        _openssl("ocsp", "-index", "index.txt", "-CA", self.certificate, "-rsigner",
                 self.certificate, "-rkey", self._key, "-issuer", self.certificate, "-cert",
                 certificate, "-ndays", str(days), "-respout", path, cwd=self.folder)
        return path

    def expired_leaf(self):
        return self.leaf("expired", starts="20200101000000Z", ends="20210101000000Z")

    def self_signed(self, file_name="selfsigned"):
        """A certificate that no authority stands behind."""
        certificate = os.path.join(self.folder, f"{file_name}.crt")
        key = os.path.join(self.folder, f"{file_name}.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", key, "-out", certificate, "-days", "30", "-subj", "/CN=localhost",
                 "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", cwd=self.folder)
        return certificate, key
