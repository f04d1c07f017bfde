"""A key of this machine brought to the desk's list, where the offline machine finds it (docs/trust.md 3).

What is sent, and answered with the desk's `Credential` (id, name, kind, fingerprint, registered_at, rp_id), status 201:

- `POST /api/v1/credentials/localhost-key`
  `{"name", "public_key", "credential", "rp_id": "localhost", "origin": "http://localhost"}`: a credential that this
  machine's page made; `public_key` is the SubjectPublicKeyInfo (DER, P-256) in base64, `credential` the credential's id
  in base64url without padding. The centre cannot and need not check how it was made: it stores the row as it stores
  every other (kind `webauthn`), and a person compares the fingerprint by voice before anything obeys it.
- `POST /api/v1/credentials/key-file` `{"name", "public_key"}`: the public half of a key file, PEM.

The fingerprint that is read out is computed here, never the one that the centre answers.
"""
