//! Protection of session data between endpoints: sealing, opening, and the end-to-end key.
//!
//! A sealed value is a compact JWE (RFC 7516) with `alg` dir and `enc` A256GCM. Its first part, as sent, is the only
//! additional authenticated data; what the header says is checked by the machine, not here.

use crate::wire::sealed::Header;
use crate::wire::value::{parse, write};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use m2m_machine::ae::endpoint::{EndKey, Key, Material, Member};
use m2m_machine::id::{AeId, Secret, SessionId};
use m2m_machine::text::Text;
use m2m_machine::value::{SealHeader, Value};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};

/// Length of a key, in bytes.
pub const KEY_BYTES: usize = 32;
/// Length of an initialization vector, in bytes.
pub const IV_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// Why a value cannot be sealed or opened, or a key not be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProtectError {
    /// A key is not 32 bytes in base64url.
    #[error(
        "the key is not {KEY_BYTES} bytes in base64url without padding; take it as it was handed out"
    )]
    BadKey,
    /// A public key leads to an all-zero secret.
    #[error(
        "the peer's public key gives an all-zero secret; end the session and ask for another key"
    )]
    WeakKey,
    /// The text is no compact JWE of five parts.
    #[error("the sealed value is no compact JWE of five parts with an empty second one")]
    BadShape,
    /// The value was altered, or sealed with another key.
    #[error(
        "the sealed value does not open with the session's key: it was altered, or sealed with another key"
    )]
    NotAuthentic,
    /// What was sealed is no JSON text.
    #[error("the sealed value opens, but what is in it is no JSON text")]
    NotJson,
}

/// A session key; it never shows itself.
#[derive(Clone, Eq, PartialEq)]
pub struct SessionKey([u8; KEY_BYTES]);

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

impl SessionKey {
    /// The key of its spelling in a JSON Web Key.
    ///
    /// # Errors
    ///
    /// [`ProtectError::BadKey`] if it is no key.
    pub fn from_text(text: &str) -> Result<Self, ProtectError> {
        Ok(Self(bytes_of(text)?))
    }

    /// The key that both ends compute for themselves.
    ///
    /// # Errors
    ///
    /// [`ProtectError::BadKey`] if a key is malformed, [`ProtectError::WeakKey`] if the secret is all zero.
    pub fn agreed(
        own: &Secret,
        peer: &str,
        session: &SessionId,
        initiator: &AeId,
        target: &AeId,
    ) -> Result<Self, ProtectError> {
        let own = StaticSecret::from(bytes_of(&own.0)?);
        let shared = own.diffie_hellman(&PublicKey::from(bytes_of(peer)?));
        // A contributory secret is one that depends on both keys.
        // USE-62
        if !shared.was_contributory() {
            return Err(ProtectError::WeakKey);
        }
        // USE-62
        let parts: [&str; 4] = [
            "smg-e2e/1",
            session.as_str(),
            initiator.as_str(),
            target.as_str(),
        ];
        let mut key = [0; KEY_BYTES];
        Hkdf::<Sha256>::new(Some(&[0; 32]), shared.as_bytes())
            .expand(parts.join("\0").as_bytes(), &mut key)
            .expect("the output is as long as the hash");
        Ok(Self(key))
    }

    /// The key of a session that this AE is an endpoint of.
    ///
    /// # Errors
    ///
    /// As [`SessionKey::from_text`] and [`SessionKey::agreed`].
    pub fn of(session: &SessionId, member: &Member) -> Result<Self, ProtectError> {
        let Key { material, .. } = &member.key;
        match material {
            Material::Given(secret) => Self::from_text(&secret.0),
            Material::Agreed { own, peer } => Self::agreed(
                &own.private,
                peer,
                session,
                &member.initiator,
                &member.target,
            ),
        }
    }

    /// Seals a value: its JSON text becomes the plaintext. The vector must never be used twice with one key.
    #[must_use]
    pub fn seal(&self, header: &SealHeader, value: &Value, iv: [u8; IV_BYTES]) -> Text {
        let first = Header::from(header).encode();
        let plaintext = write(value);
        let payload = Payload {
            msg: plaintext.as_bytes(),
            aad: first.as_bytes(),
        };
        let mut data = self
            .cipher()
            .encrypt(&Nonce::from(iv), payload)
            .expect("a value in memory is far shorter than the cipher's limit");
        let tag = data.split_off(data.len() - TAG_BYTES);
        let [iv, data, tag] = [&iv[..], &data, &tag].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{first}..{iv}.{data}.{tag}").into()
    }

    /// Opens a sealed value.
    ///
    /// # Errors
    ///
    /// [`ProtectError::BadShape`], [`ProtectError::NotAuthentic`] or [`ProtectError::NotJson`].
    pub fn open(&self, compact: &str) -> Result<Value, ProtectError> {
        let mut parts = compact.split('.');
        let mut part = || parts.next().ok_or(ProtectError::BadShape);
        let (first, second, iv, data, tag) = (part()?, part()?, part()?, part()?, part()?);
        if !second.is_empty() || parts.next().is_some() {
            return Err(ProtectError::BadShape);
        }
        let bytes = |text| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| ProtectError::BadShape)
        };
        let iv: [u8; IV_BYTES] = bytes(iv)?.try_into().map_err(|_| ProtectError::BadShape)?;
        let (mut data, tag) = (bytes(data)?, bytes(tag)?);
        if tag.len() != TAG_BYTES {
            return Err(ProtectError::BadShape);
        }
        data.extend(tag);
        let payload = Payload {
            msg: &data,
            aad: first.as_bytes(),
        };
        let opened = self.cipher().decrypt(&Nonce::from(iv), payload);
        let plaintext = opened.map_err(|_| ProtectError::NotAuthentic)?;
        let text = std::str::from_utf8(&plaintext).map_err(|_| ProtectError::NotJson)?;
        parse(text).ok_or(ProtectError::NotJson)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.0.into())
    }
}

/// The key pair of a private key.
#[must_use]
pub fn key_pair(private: [u8; KEY_BYTES]) -> EndKey {
    let public = PublicKey::from(&StaticSecret::from(private));
    EndKey {
        private: Secret(URL_SAFE_NO_PAD.encode(private).into()),
        public: URL_SAFE_NO_PAD.encode(public.as_bytes()).into(),
    }
}

fn bytes_of(text: &str) -> Result<[u8; KEY_BYTES], ProtectError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| ProtectError::BadKey)?;
    bytes.try_into().map_err(|_| ProtectError::BadKey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use m2m_machine::attribute::Attribute;
    use rstest::rstest;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    /// F2-01 of flow 2.
    const BLOB: &str = concat!(
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiYzJWemMybHZiakV0YTJWNWFXUXRNUSIsInNpZCI6Ii9jc2UxLzIzNEFE",
        "VnhrMFpiN05jUjV0VWVIcFEiLCJzZXEiOjEsImRpciI6MSwib3AiOjEsInRvIjoiL2NzZTIvY3NlMi9hZTIvY29udGFpbmVyMSIsImF0",
        "dCI6ImNvbiIsImZyIjoiL2NzZTEvQ2FlMSIsInJxaSI6InUxIn0",
        "..ycRADtCQnrg9ZLSt.cVsYwFyam_sU4xLPFw.sZg77fn4GwCL2q8IsXb-IA"
    );

    fn key() -> SessionKey {
        SessionKey::from_text(KEY).expect("the key of the vector")
    }

    fn temperature() -> Value {
        Value::object([(
            Attribute::Custom("temp".into()),
            Value::Number("21.5".into()),
        )])
    }

    fn vector_iv() -> [u8; IV_BYTES] {
        let iv = BLOB.split('.').nth(2).expect("a third part");
        let bytes = URL_SAFE_NO_PAD.decode(iv).expect("base64url");
        bytes.try_into().expect("twelve bytes")
    }

    fn header() -> SealHeader {
        crate::wire::sealed::parse(BLOB)
            .expect("the vector")
            .header
            .clone()
    }

    #[test]
    fn the_vector_opens() {
        assert_eq!(key().open(BLOB), Ok(temperature()));
    }

    #[test]
    fn the_vector_is_sealed_again_byte_for_byte() {
        assert_eq!(key().seal(&header(), &temperature(), vector_iv()), BLOB);
    }

    #[rstest]
    #[case::data(BLOB.replace("cVsY", "cVsX"), ProtectError::NotAuthentic)]
    #[case::tag(BLOB.replace("sZg7", "sZg8"), ProtectError::NotAuthentic)]
    #[case::vector(BLOB.replace("ycRA", "ycRB"), ProtectError::NotAuthentic)]
    #[case::header(BLOB.replacen("eyJh", "eyJi", 1), ProtectError::NotAuthentic)]
    #[case::wrapped_key(BLOB.replace("..", ".AA."), ProtectError::BadShape)]
    #[case::part_missing(BLOB.rsplit_once('.').expect("dots").0.to_owned(), ProtectError::BadShape)]
    #[case::short_tag(BLOB[..BLOB.len() - 4].to_owned(), ProtectError::BadShape)]
    #[case::not_base64(BLOB.replace("cVsY", "cV+Y"), ProtectError::BadShape)]
    fn what_was_altered_does_not_open(#[case] text: String, #[case] expected: ProtectError) {
        assert_eq!(key().open(&text), Err(expected));
    }

    #[test]
    fn another_key_does_not_open_it() {
        let other = SessionKey([7; KEY_BYTES]);

        assert_eq!(other.open(BLOB), Err(ProtectError::NotAuthentic));
    }

    #[rstest]
    #[case("")]
    #[case("AAEC")]
    #[case("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")]
    fn what_is_no_key_is_refused(#[case] text: &str) {
        assert_eq!(SessionKey::from_text(text), Err(ProtectError::BadKey));
    }

    #[test]
    fn both_ends_agree_on_the_key_of_the_vector() {
        let pair = |first: u8| {
            key_pair(std::array::from_fn(|at| {
                first + u8::try_from(at).expect("small")
            }))
        };
        let (initiator, target) = (pair(0x20), pair(0x40));
        let agreed = |own: &EndKey, peer: &EndKey| {
            SessionKey::agreed(
                &own.private,
                &peer.public,
                &"/cse1/234ADVxk0Zb7NcR5tUeHpQ".into(),
                &"/cse1/Cae1".into(),
                &"/cse2/Cae2".into(),
            )
        };

        assert_eq!(
            initiator.public,
            "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ"
        );
        assert_eq!(target.public, "eaYx7t4b-cmPEgMs3q3Q56B5OY_HhriMyEbsia-FpRo");
        let expected = SessionKey::from_text("LpBVmx5tHa7o5X_LWel44bYQs38U9QHz--eC5LDqWzs");
        // USE-62
        assert_eq!(agreed(&initiator, &target), expected);
        assert_eq!(agreed(&target, &initiator), expected);
    }

    #[test]
    fn a_public_key_of_low_order_is_refused() {
        let own = key_pair([9; KEY_BYTES]);
        let zero = URL_SAFE_NO_PAD.encode([0; KEY_BYTES]);

        let key = SessionKey::agreed(
            &own.private,
            &zero,
            &"/cse1/s".into(),
            &"/cse1/a".into(),
            &"/cse2/b".into(),
        );

        // USE-62
        assert_eq!(key, Err(ProtectError::WeakKey));
    }

    #[test]
    fn a_key_never_shows_itself() {
        assert_eq!(format!("{:?}", key()), "SessionKey(..)");
    }
}
