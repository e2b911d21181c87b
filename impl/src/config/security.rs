//! TLS, inwards and outwards, and the proxy.

use crate::connect::Route;
use crate::tls::{self, TlsError};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use tokio_rustls::TlsAcceptor;

/// TLS, inwards and outwards, and the proxy for outgoing links.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Security {
    /// The own certificate, with those that lead to its authority.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
    /// Authorities whose certificates clients may show.
    pub client_authorities: Option<PathBuf>,
    /// Authorities that the registrar's certificate is checked against.
    pub registrar_authorities: Option<PathBuf>,
    /// The proxy for the link to the registrar: `HOST:PORT`.
    pub proxy: Option<String>,
}

impl Security {
    /// How to speak TLS as a server; `None` without a certificate.
    pub fn acceptor(&self) -> Result<Option<TlsAcceptor>, TlsError> {
        let Some((certificate, key)) = self.own() else {
            return Ok(None);
        };
        tls::acceptor(certificate, key, self.client_authorities.as_deref()).map(Some)
    }

    /// The way to the registrar.
    pub fn route(&self) -> Result<Route, TlsError> {
        let authorities = self.registrar_authorities.as_deref();
        Route::new(authorities, self.own(), self.proxy.clone())
    }

    fn own(&self) -> Option<(&Path, &Path)> {
        self.certificate.as_deref().zip(self.key.as_deref())
    }

    /// The same, with what a second one says in the place of what this one does.
    pub(super) fn overridden(self, by: &Self) -> Self {
        Self {
            certificate: by.certificate.clone().or(self.certificate),
            key: by.key.clone().or(self.key),
            client_authorities: by.client_authorities.clone().or(self.client_authorities),
            registrar_authorities: by
                .registrar_authorities
                .clone()
                .or(self.registrar_authorities),
            proxy: by.proxy.clone().or(self.proxy),
        }
    }
}
