//! Sealed values: compact JWE, `alg` dir, `enc` A256GCM, as the two ends of a session use them.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Why a value does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsealable {
    /// Not five parts with an empty second one, or not base64url.
    #[error("not a compact JWE with direct encryption")]
    Shape,
    /// The header is no JSON object.
    #[error("the protected header is not JSON")]
    Header,
    /// Key, header or text were changed.
    #[error("the value does not open with the key of the session")]
    Forged,
    /// The key is not 256 bits in base64url.
    #[error("the key is not 256 bits in base64url")]
    Key,
}

/// A key as the credentials carry it, with its identifier and the session it belongs to.
#[derive(Clone)]
pub struct SessionKey {
    /// Session identifier.
    pub sid: String,
    /// Key identifier.
    pub kid: String,
    pub(crate) bytes: [u8; 32],
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "SessionKey({}, {})", self.sid, self.kid)
    }
}

impl SessionKey {
    /// Reads the credentials of a session.
    ///
    /// # Errors
    /// If the key is not 256 bits in base64url.
    pub fn read(sid: &str, scr: &Value) -> Result<Self, Unsealable> {
        let text = |name: &str| scr[name].as_str().ok_or(Unsealable::Key);
        let decoded = URL_SAFE_NO_PAD
            .decode(text("k")?)
            .map_err(|_| Unsealable::Key)?;
        let bytes = decoded.try_into().map_err(|_| Unsealable::Key)?;
        Ok(Self {
            sid: sid.to_owned(),
            kid: text("kid")?.to_owned(),
            bytes,
        })
    }

    /// Whether another key has the same bytes.
    #[must_use]
    pub fn same_bytes(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }

    /// Seals a JSON value under this header and initialisation vector.
    #[must_use]
    pub fn seal(&self, header: &Value, iv: [u8; 12], plain: &Value) -> String {
        let protected = URL_SAFE_NO_PAD.encode(header.to_string());
        let text = plain.to_string();
        let payload = Payload {
            msg: text.as_bytes(),
            aad: protected.as_bytes(),
        };
        let out = self.cipher().encrypt(&Nonce::from(iv), payload);
        let mut sealed = out.expect("a short text can be encrypted");
        let tag = sealed.split_off(sealed.len() - 16);
        let parts = [&iv[..], &sealed, &tag].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{protected}..{}", parts.join("."))
    }

    /// Opens a sealed value: header and plaintext.
    ///
    /// # Errors
    /// If the value has not the form, or was not sealed with this key.
    pub fn open(&self, value: &str) -> Result<(Value, Value), Unsealable> {
        let parts: Vec<&str> = value.split('.').collect();
        let [protected, "", iv, text, tag] = parts.as_slice() else {
            return Err(Unsealable::Shape);
        };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Unsealable::Shape);
        let header = serde_json::from_slice(&decode(protected)?).map_err(|_| Unsealable::Header)?;
        let iv: [u8; 12] = decode(iv)?.try_into().map_err(|_| Unsealable::Shape)?;
        let sealed = [decode(text)?, decode(tag)?].concat();
        let payload = Payload {
            msg: &sealed,
            aad: protected.as_bytes(),
        };
        let opened = self.cipher().decrypt(&Nonce::from(iv), payload);
        let plain = opened.map_err(|_| Unsealable::Forged)?;
        let plain = serde_json::from_slice(&plain).map_err(|_| Unsealable::Forged)?;
        Ok((header, plain))
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(self.bytes))
    }
}

/// The members of a protected header, in the order the design prints them.
#[derive(Debug, Clone)]
pub struct Header<'a> {
    /// Number of the value, from 1.
    pub seq: u64,
    /// 1 from the initiator, 2 from the target.
    pub dir: u8,
    /// Operation.
    pub op: u8,
    /// Target, SP-relative.
    pub to: &'a str,
    /// Attribute that holds the value.
    pub att: &'a str,
    /// Sender, SP-relative.
    pub fr: &'a str,
    /// The sender's request identifier.
    pub rqi: &'a str,
}

impl Header<'_> {
    /// As JSON, for this key.
    #[must_use]
    pub fn for_key(&self, key: &SessionKey) -> Value {
        json!({
            "alg": "dir", "enc": "A256GCM", "kid": key.kid, "sid": key.sid, "seq": self.seq,
            "dir": self.dir, "op": self.op, "to": self.to, "att": self.att, "fr": self.fr,
            "rqi": self.rqi
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "/cse1/234ADVxk0Zb7NcR5tUeHpQ";
    /// The vector printed in the design: `{"temp":21.5}`.
    const VECTOR: &str = concat!(
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiYzJWemMybHZiakV0YTJWNWFXUXRNUSIsInNpZCI6",
        "Ii9jc2UxLzIzNEFEVnhrMFpiN05jUjV0VWVIcFEiLCJzZXEiOjEsImRpciI6MSwib3AiOjEsInRvIjoiL2NzZTIv",
        "Y3NlMi9hZTIvY29udGFpbmVyMSIsImF0dCI6ImNvbiIsImZyIjoiL2NzZTEvQ2FlMSIsInJxaSI6InUxIn0.",
        ".ycRADtCQnrg9ZLSt.cVsYwFyam_sU4xLPFw.sZg77fn4GwCL2q8IsXb-IA",
    );

    fn key() -> SessionKey {
        let scr = json!({
            "kid": "c2Vzc2lvbjEta2V5aWQtMQ", "k": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
        });
        SessionKey::read(SID, &scr).unwrap()
    }

    fn header() -> Header<'static> {
        let to = "/cse2/cse2/ae2/container1";
        Header {
            seq: 1,
            dir: 1,
            op: 1,
            to,
            att: "con",
            fr: "/cse1/Cae1",
            rqi: "u1",
        }
    }

    #[test]
    fn the_printed_vector_opens() {
        let (protected, plain) = key().open(VECTOR).unwrap();

        assert_eq!(plain, json!({"temp": 21.5}));
        assert_eq!(protected, header().for_key(&key()));
    }

    #[test]
    fn sealing_gives_the_printed_vector_byte_for_byte() {
        let iv = URL_SAFE_NO_PAD
            .decode("ycRADtCQnrg9ZLSt")
            .unwrap()
            .try_into()
            .unwrap();

        let sealed = key().seal(&header().for_key(&key()), iv, &json!({"temp": 21.5}));

        assert_eq!(sealed, VECTOR);
    }

    #[test]
    fn a_changed_value_does_not_open() {
        for (at, with) in [(10, "X"), (VECTOR.len() - 30, "A"), (VECTOR.len() - 1, "E")] {
            let mut changed = VECTOR.to_owned();
            changed.replace_range(at..=at, with);

            assert!(key().open(&changed).is_err(), "changed at {at}");
        }
    }

    #[test]
    fn the_key_of_another_session_does_not_open() {
        let scr = json!({"kid": "x", "k": "7g3oAh0gcotygHcTIpnh4XQqg5g8R0uWUs1r1mQFlrI"});

        let other = SessionKey::read(SID, &scr).unwrap();

        assert_eq!(other.open(VECTOR), Err(Unsealable::Forged));
    }

    #[test]
    fn text_without_five_parts_is_no_sealed_value() {
        assert_eq!(key().open("a.b.c"), Err(Unsealable::Shape));
    }
}
