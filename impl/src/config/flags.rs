//! The command line, and the file that says the same.

use super::{ConfigError, LogFormat, Security, table};
use crate::dial::Offer;
use clap::{Parser, ValueEnum};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A reference CSE of oneM2M that speaks WebSocket and manages sessions.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "cse", version, after_long_help = table::long_help())]
pub struct Flags {
    /// Where to listen; port 0 takes any free one, which is then printed [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Identity")]
    pub listen: Option<String>,
    /// CSE-ID, with its slash [default: /cse1]
    #[arg(long, value_name = "/ID", help_heading = "Identity")]
    pub cse_id: Option<String>,
    /// M2M-SP-ID of the service provider: absolute addresses //SP-ID/CSE-ID/... of others are passed to
    /// the registrar, or to their --provider, or answered 4004 [default: sp.example]
    #[arg(long, value_name = "DOMAIN", help_heading = "Identity")]
    pub sp_id: Option<String>,
    /// Name of the CSEBase [default: the CSE-ID without its slash]
    #[arg(long, value_name = "NAME", help_heading = "Identity")]
    pub name: Option<String>,
    /// Infrastructure node or middle node [default: in]
    #[arg(long, value_name = "KIND", help_heading = "Identity")]
    pub kind: Option<Kind>,
    /// An originator that needs no registration and may do everything, from this machine or over
    /// TLS; for example CAdmin. Its name is all that is asked for: only where you trust who connects
    #[arg(long, value_name = "AE-ID", help_heading = "Identity")]
    pub administrator: Option<String>,
    /// Where registrees reach this CSE, if not where it listens; repeatable
    #[arg(long, value_name = "ws://HOST:PORT", help_heading = "Identity")]
    pub poa: Vec<String>,
    /// The CSE to register at, over a link that this one opens (needs --kind mn)
    #[arg(long, value_name = "ws://HOST:PORT", help_heading = "Neighbours")]
    pub registrar: Option<String>,
    /// Another service provider, whose infrastructure node this one, itself one, exchanges requests with
    /// absolute addresses with (Mcc'), and where that node listens; without an address it opens the
    /// links; repeatable
    #[arg(
        long,
        value_name = "SP-ID[=ws://HOST:PORT]",
        help_heading = "Neighbours"
    )]
    pub provider: Vec<String>,
    /// Speak TLS (wss) with this certificate, a PEM file
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub tls_certificate: Option<PathBuf>,
    /// Its private key, a PEM file
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub tls_key: Option<PathBuf>,
    /// Take the identity of clients that show a certificate signed by these authorities from it
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub client_authorities: Option<PathBuf>,
    /// Trust a registrar or provider (wss) whose certificate is signed by these authorities
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub registrar_authorities: Option<PathBuf>,
    /// Open links to others through this HTTP proxy (CONNECT)
    #[arg(long, value_name = "HOST:PORT", help_heading = "Neighbours")]
    pub proxy: Option<String>,
    /// Let CSEs register over links that are neither on this machine nor secured
    #[arg(long, help_heading = "Neighbours")]
    pub allow_plain_mcc: bool,
    /// Open a link to a registree CSE that keeps none, at a ws:// or wss:// entry of its poa, when
    /// there is something for it; for peers such as ACME that close theirs after every request
    #[arg(long, help_heading = "Neighbours")]
    pub dial_registree_poa: bool,
    /// Leave csz out of the CSEBase: peers such as ACME look for media types there, find none, and
    /// send no notifications
    #[arg(long, help_heading = "Neighbours")]
    pub hide_csz: bool,
    /// What to offer on links that this CSE opens; the peer chooses [default: json]
    #[arg(long, value_name = "SERIALIZATION", help_heading = "Neighbours")]
    pub offer: Option<Offer>,
    /// How primitives are spelled: `draft` also admits links without subprotocol, in the spelling
    /// of the draft binding [default: published]
    #[arg(long, value_name = "DIALECT", help_heading = "Neighbours")]
    pub dialect: Option<DialectName>,
    /// Folder of the store; what is acknowledged is in it and survives a crash [default:
    /// ./cse-store]
    #[arg(long, value_name = "FOLDER", help_heading = "Storage")]
    pub store: Option<PathBuf>,
    /// Keep everything in memory and forget it at the end
    #[arg(long, conflicts_with = "store", help_heading = "Storage")]
    pub ephemeral: bool,
    /// Set a timer, in milliseconds; repeatable; the long help lists them
    #[arg(long = "timer", value_name = "NAME=MS", help_heading = "Tuning")]
    pub timers: Vec<String>,
    /// Set a limit; repeatable; the long help lists them
    #[arg(long = "limit", value_name = "NAME=NUMBER", help_heading = "Tuning")]
    pub limits: Vec<String>,
    /// Read settings from a TOML file; flags win over it
    #[arg(long, value_name = "FILE", help_heading = "Tuning")]
    pub config: Option<PathBuf>,
    /// Serve counters in the text form of Prometheus, at /metrics
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Logging")]
    pub metrics: Option<String>,
    /// Serve a page that shows registrees, links, sessions and resources to whoever asks; for people
    /// who run the CSE, so keep it on this machine
    #[arg(long, value_name = "ADDR:PORT", help_heading = "Logging")]
    pub web: Option<String>,
    /// What to log: a level, or a filter such as info,m2m_cse::link=debug [default: info]
    #[arg(long, value_name = "FILTER", env = "CSE_LOG", help_heading = "Logging")]
    pub log: Option<String>,
    /// How to log, always to standard error; with json, what keeps the CSE from starting is a line
    /// of JSON too [default: text]
    #[arg(long, value_name = "FORMAT", help_heading = "Logging")]
    pub log_format: Option<LogFormat>,
}

impl Flags {
    pub(super) fn security(&self) -> Security {
        Security {
            certificate: self.tls_certificate.clone(),
            key: self.tls_key.clone(),
            client_authorities: self.client_authorities.clone(),
            registrar_authorities: self.registrar_authorities.clone(),
            proxy: self.proxy.clone(),
        }
    }
}

/// The kind of CSE.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Infrastructure node: registers nowhere
    #[default]
    In,
    /// Middle node: registers at --registrar
    Mn,
}

/// The dialect of links.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DialectName {
    /// As published
    #[default]
    Published,
    /// As the draft binding prints it
    Draft,
}

/// The same settings in a file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    pub(super) listen: Option<String>,
    pub(super) cse_id: Option<String>,
    pub(super) sp_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) kind: Option<Kind>,
    pub(super) poa: Vec<String>,
    pub(super) administrator: Option<String>,
    pub(super) registrar: Option<String>,
    pub(super) providers: Vec<String>,
    pub(super) store: Option<PathBuf>,
    pub(super) ephemeral: Option<bool>,
    pub(super) offer: Option<Offer>,
    pub(super) dialect: Option<DialectName>,
    pub(super) allow_plain_mcc: Option<bool>,
    pub(super) dial_registree_poa: Option<bool>,
    pub(super) hide_csz: Option<bool>,
    pub(super) metrics: Option<String>,
    pub(super) web: Option<String>,
    #[serde(rename = "tls")]
    pub(super) security: Security,
    pub(super) log: Option<String>,
    pub(super) log_format: Option<LogFormat>,
    pub(super) timers: BTreeMap<String, u64>,
    pub(super) limits: BTreeMap<String, u64>,
}

impl File {
    /// The file that the flags name; nothing if they name none.
    pub fn read(flags: &Flags) -> Result<Self, ConfigError> {
        let Some(path) = &flags.config else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path).map_err(|why| ConfigError::Unreadable {
            path: path.into(),
            why,
        })?;
        toml::from_str(&text).map_err(|why| ConfigError::File {
            path: path.into(),
            why: Box::new(why),
        })
    }
}
