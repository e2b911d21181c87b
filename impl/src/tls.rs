//! TLS by rustls: certificates from files, and the identity that a client's certificate names.
//!
//! A certificate names an AE or a CSE in its subject alternative names, as a URI or as a DNS name.
//! Of a URI the path counts: `m2m://sp.example/cse1/Cae1` is the AE `/cse1/Cae1`, and
//! `m2m://sp.example/cse1` the CSE `/cse1`. Of a DNS name the first labels count:
//! `Cae1.cse1.example` is `/cse1/Cae1`, since AE-ID stems start with a capital C or S, and
//! `cse1.example` is `/cse1`.

use m2m_machine::text::Text;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file does not hold what it should.
    #[error("cannot use {path}: {why}; it has to hold {wanted} in PEM")]
    File {
        /// Which one.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The files do not fit together.
    #[error("cannot set up TLS: {0}; check that key and certificate belong together")]
    Setup(String),
}

/// Speaks TLS as a server; with authorities, clients may show a certificate signed by them.
pub fn acceptor(
    certificate: &Path,
    key: &Path,
    client_authorities: Option<&Path>,
) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(setup)?;
    let builder = match client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots(path)?), provider)
                    .allow_unauthenticated()
                    .build()
                    .map_err(setup)?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder
        .with_single_cert(chain(certificate)?, secret(key)?)
        .map_err(setup)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Speaks TLS as a client that trusts what these authorities sign, with a certificate of its own
/// if there is one.
pub fn connector(
    authorities: &Path,
    own: Option<(&Path, &Path)>,
) -> Result<TlsConnector, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(setup)?
        .with_root_certificates(roots(authorities)?);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(chain(certificate)?, secret(key)?)
            .map_err(setup)?,
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The AE-ID or CSE-ID that a certificate names.
#[must_use]
pub fn identity(certificate: &CertificateDer<'_>) -> Option<Text> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    let of_uri = certificate.valid_uri_names().find_map(by_uri);
    let found = of_uri.or_else(|| certificate.valid_dns_names().find_map(by_dns));
    found.map(Text::from)
}

/// Why a peer would doubt the first certificate in a file for its time, if it would.
#[must_use]
pub fn doubt(path: &Path) -> Option<&'static str> {
    let chain = chain(path).ok()?;
    let certificate = webpki::EndEntityCert::try_from(chain.first()?).ok()?;
    let usage = webpki::KeyUsage::server_auth();
    // Without authorities it ends in an error in any case; that of the time comes first.
    let checked = certificate.verify_for_usage(&[], &[], &[], UnixTime::now(), usage, None, None);
    let why = checked.err()?;
    let is_over = matches!(why, webpki::Error::CertExpired { .. });
    let is_early = matches!(why, webpki::Error::CertNotValidYet { .. });
    let doubt = is_over.then_some("its time is over");
    doubt.or_else(|| is_early.then_some("its time has not begun"))
}

fn by_uri(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("://")?;
    let path = &rest[rest.find('/')?..];
    is_identifier(path).then(|| path.to_owned())
}

fn by_dns(name: &str) -> Option<String> {
    let mut labels = name.split('.');
    let first = labels.next()?;
    let path = match labels.next() {
        Some(cse) if first.starts_with(['C', 'S']) => format!("/{cse}/{first}"),
        Some(_) | None => format!("/{first}"),
    };
    is_identifier(&path).then_some(path)
}

/// Whether a text is `/CSE` or `/CSE/AE`.
fn is_identifier(path: &str) -> bool {
    let parts = path.strip_prefix('/').map(|rest| rest.split('/'));
    let well_formed = |part: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        !part.is_empty() && part.bytes().all(allowed)
    };
    parts.is_some_and(|mut parts| parts.clone().count() <= 2 && parts.all(well_formed))
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in chain(path)? {
        store.add(certificate).map_err(setup)?;
    }
    Ok(store)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bad = |why: String| TlsError::File {
        path: path.to_owned(),
        wanted: "certificates",
        why,
    };
    let read = CertificateDer::pem_file_iter(path).map_err(|why| bad(why.to_string()))?;
    let chain: Vec<_> = read
        .collect::<Result<_, _>>()
        .map_err(|why| bad(why.to_string()))?;
    if chain.is_empty() {
        return Err(bad("there is none in it".to_owned()));
    }
    Ok(chain)
}

fn secret(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|why| TlsError::File {
        path: path.to_owned(),
        wanted: "a private key",
        why: why.to_string(),
    })
}

fn setup(why: impl std::fmt::Display) -> TlsError {
    TlsError::Setup(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("m2m://sp.example/cse1/Cae1", Some("/cse1/Cae1"))]
    #[case("m2m://sp.example/cse1", Some("/cse1"))]
    #[case("m2m://sp.example", None)]
    #[case("m2m://sp.example/a/b/c", None)]
    #[case("urn:x", None)]
    fn a_uri_names_by_its_path(#[case] uri: &str, #[case] expected: Option<&str>) {
        assert_eq!(by_uri(uri).as_deref(), expected);
    }

    #[rstest]
    #[case("Cae1.cse1.example", Some("/cse1/Cae1"))]
    #[case("cse1.example", Some("/cse1"))]
    #[case("cse1", Some("/cse1"))]
    #[case("*.example", None)]
    fn a_dns_name_names_by_its_first_labels(#[case] name: &str, #[case] expected: Option<&str>) {
        assert_eq!(by_dns(name).as_deref(), expected);
    }
}
