//! What can be wrong with settings.

use crate::dial::BadPointOfAccess;
use std::path::PathBuf;

/// Why settings cannot be used; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {why}; check --config")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        why: std::io::Error,
    },
    /// The file is no TOML of this form.
    #[error("{path} is not understood: {why}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the parser says.
        why: Box<toml::de::Error>,
    },
    /// A certificate without key, or a key without certificate.
    #[error("a certificate and its key go together; give --tls-certificate and --tls-key")]
    Key,
    /// Clients are to show certificates, and TLS is not spoken.
    #[error(
        "clients show certificates over TLS only; add --tls-certificate and --tls-key, or leave --client-authorities out"
    )]
    ClientAuthorities,
    /// A registrar over TLS, and nobody to trust.
    #[error("{0} asks for TLS; name whom to trust with --registrar-authorities")]
    Authorities(String),
    /// A timer or a limit is not `NAME=NUMBER`.
    #[error("{flag} {given} is not understood; write {flag} NAME=NUMBER")]
    Pair {
        /// Which flag.
        flag: &'static str,
        /// What was given.
        given: String,
    },
    /// No such timer or limit.
    #[error("there is no {kind} {name}; there are {known}")]
    Unknown {
        /// A timer or a limit.
        kind: &'static str,
        /// What was given.
        name: String,
        /// What there is.
        known: String,
    },
    /// The number is out of range.
    #[error("the {kind} {name} cannot be {number}; it lies between 1 and {max}")]
    Range {
        /// A timer or a limit.
        kind: &'static str,
        /// Which one.
        name: String,
        /// What was given.
        number: u64,
        /// The largest that is possible.
        max: u64,
    },
    /// The CSE-ID is none.
    #[error("{0} is no CSE-ID; write a slash and letters, digits, - . _ ~ as in /cse1")]
    CseId(String),
    /// The name is none.
    #[error("{0} is no resource name; write letters, digits, - . _ ~ as in cse1")]
    Name(String),
    /// The M2M-SP-ID is none.
    #[error("{0} is no M2M-SP-ID; write a domain name as in sp.example")]
    ServiceProvider(String),
    /// Providers are named at a node that is no infrastructure node.
    #[error(
        "only an infrastructure node has links to other service providers; leave --provider out, or give --kind in"
    )]
    Providers,
    /// A provider that is the own one.
    #[error(
        "{0} is the own service provider; name others with --provider, and the own one with --sp-id"
    )]
    OwnProvider(String),
    /// The administrator's name is none.
    #[error(
        "{0} is no AE-ID of an administrator; write C and letters, digits, - . _ ~ as in CAdmin"
    )]
    Administrator(String),
    /// The registrar or an own point of access is none.
    #[error("{0}")]
    PointOfAccess(#[from] BadPointOfAccess),
    /// The proxy is none.
    #[error("{0} is no proxy; write --proxy HOST:PORT")]
    Proxy(String),
    /// An infrastructure node registers nowhere.
    #[error("a CSE of kind in registers nowhere; add --kind mn, or leave --registrar out")]
    Registrar,
    /// Both a store and none.
    #[error("ephemeral and store exclude each other; leave one out")]
    Store,
}
