//! Protected values: compact JWE (RFC 7516 section 7.1) with the header that sessions demand.
//!
//! Only shape and header are looked at; opening is the business of the endpoints.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use m2m_machine::id::{KeyId, RequestId, SessionId};
use m2m_machine::shared::Shared;
use m2m_machine::value::{SealBody, SealHeader, Sealed};
use serde::{Deserialize, Serialize};

/// The algorithm of the key: the session key itself.
pub const ALGORITHM: &str = "dir";
/// The encryption.
pub const ENCRYPTION: &str = "A256GCM";

const IV_CHARACTERS: usize = 16;
const TAG_CHARACTERS: usize = 22;

/// The protected header as it is written.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Header {
    /// [`ALGORITHM`].
    pub alg: String,
    /// [`ENCRYPTION`].
    pub enc: String,
    /// Key identifier.
    pub kid: String,
    /// Session identifier.
    pub sid: String,
    /// Sequence number.
    pub seq: u64,
    /// Direction.
    pub dir: u8,
    /// Operation.
    pub op: u8,
    /// Target.
    pub to: String,
    /// Attribute.
    pub att: String,
    /// Sender.
    pub fr: String,
    /// The sender's request identifier.
    pub rqi: String,
}

impl From<&SealHeader> for Header {
    fn from(header: &SealHeader) -> Self {
        Self {
            alg: ALGORITHM.to_owned(),
            enc: ENCRYPTION.to_owned(),
            kid: header.key_id.to_string(),
            sid: header.session.to_string(),
            seq: header.sequence,
            dir: header.direction,
            op: header.operation,
            to: header.to.to_string(),
            att: header.attribute.to_string(),
            fr: header.from.to_string(),
            rqi: header.request_id.to_string(),
        }
    }
}

impl Header {
    /// The first part of a compact JWE with this header.
    #[must_use]
    pub fn encode(&self) -> String {
        let json = serde_json::to_string(self).expect("strings and integers have a JSON form");
        URL_SAFE_NO_PAD.encode(json)
    }
}

/// The sealed value that the text is, if it is one.
#[must_use]
pub fn parse(text: &str) -> Option<Shared<Sealed>> {
    let (header, rest) = text.split_once("..")?;
    let mut parts = rest.split('.');
    let (iv, data, tag) = (parts.next()?, parts.next()?, parts.next()?);
    let shaped = parts.next().is_none()
        && iv.len() == IV_CHARACTERS
        && tag.len() == TAG_CHARACTERS
        && data.len() % 4 != 1
        && [iv, data, tag].into_iter().all(is_base64url);
    if !shaped {
        return None;
    }
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    if header.alg != ALGORITHM || header.enc != ENCRYPTION {
        return None;
    }
    let header = SealHeader {
        key_id: KeyId::from(header.kid.as_str()),
        session: SessionId::from(header.sid.as_str()),
        sequence: header.seq,
        direction: header.dir,
        operation: header.op,
        to: header.to.into(),
        attribute: header.att.into(),
        from: header.fr.into(),
        request_id: RequestId::from(header.rqi.as_str()),
    };
    Some(Shared::new(Sealed {
        header,
        body: SealBody::Compact(text.into()),
    }))
}

fn is_base64url(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// The test vector of flow 2: plaintext `{"temp":21.5}` under the key 00 01 … 1f.
    const VECTOR: &str = concat!(
        "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiYzJWemMybHZiakV0YTJWNWFXUXRNUSIsInNpZCI6Ii9jc2UxLzIzNEFE",
        "VnhrMFpiN05jUjV0VWVIcFEiLCJzZXEiOjEsImRpciI6MSwib3AiOjEsInRvIjoiL2NzZTIvY3NlMi9hZTIvY29udGFpbmVyMSIsImF0",
        "dCI6ImNvbiIsImZyIjoiL2NzZTEvQ2FlMSIsInJxaSI6InUxIn0",
        "..ycRADtCQnrg9ZLSt.cVsYwFyam_sU4xLPFw.sZg77fn4GwCL2q8IsXb-IA"
    );

    #[test]
    fn the_header_of_a_sealed_value_is_read_and_its_text_kept() {
        let sealed = parse(VECTOR).expect("the vector is well-formed");

        assert_eq!(
            sealed.header.session.as_str(),
            "/cse1/234ADVxk0Zb7NcR5tUeHpQ"
        );
        assert_eq!(sealed.header.sequence, 1);
        assert_eq!(sealed.header.to, "/cse2/cse2/ae2/container1");
        assert_eq!(sealed.body, SealBody::Compact(VECTOR.into()));
    }

    #[test]
    fn a_header_is_written_as_in_the_vector() {
        let sealed = parse(VECTOR).expect("the vector is well-formed");

        assert!(VECTOR.starts_with(&format!("{}..", Header::from(&sealed.header).encode())));
    }

    #[rstest]
    #[case::another_part(format!("{VECTOR}.x"))]
    #[case::a_part_less(VECTOR.rsplit_once('.').expect("it has dots").0.to_owned())]
    #[case::an_encrypted_key(VECTOR.replace("..", ".AAAA."))]
    #[case::a_short_tag(VECTOR[..VECTOR.len() - 1].to_owned())]
    #[case::a_foreign_character(VECTOR.replace("cVsY", "cV+Y"))]
    #[case::no_header(format!("eyJ{}", &VECTOR[VECTOR.find("..").expect("it has dots")..]))]
    #[case::plain_text("21.5".to_owned())]
    fn any_other_text_is_none(#[case] text: String) {
        assert_eq!(parse(&text), None);
    }
}
