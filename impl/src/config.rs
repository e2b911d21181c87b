//! What an operator decides: flags, and the same in a TOML file; a flag wins.

mod error;
mod flags;
mod host;
mod logging;
mod provider;
mod security;
mod table;

pub use error::ConfigError;
pub use flags::{DialectName, File, Flags, Kind};
pub use host::Host;
pub use logging::{LogFormat, Logging};
pub use security::Security;

use crate::connect::is_host_and_port;
use crate::dial::{Offer, PointOfAccess};
use crate::host::HOST;
use crate::link::{LinkLimits, OutboxLimits};
use crate::wire::Dialect;
use m2m_machine::config::{Config, CseKind, Limits, Provider, Timers};
use m2m_machine::deviation::Deviations;
use m2m_machine::id::CseId;
use m2m_machine::text::Text;
use std::path::PathBuf;
use std::time::Duration;
use table::{LIMITS, Row, TIMERS};

/// The M2M-SP-ID of who names none.
const SERVICE_PROVIDER: &str = "sp.example";

/// Settings that make sense together.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: String,
    /// CSE-ID.
    pub cse_id: String,
    /// M2M-SP-ID of the service provider, without slashes.
    pub sp_id: String,
    /// Name of the CSEBase.
    pub name: String,
    /// Infrastructure or middle node.
    pub kind: Kind,
    /// Where registrees reach this CSE, if not where it listens.
    pub poa: Vec<String>,
    /// The registrar.
    pub registrar: Option<PointOfAccess>,
    /// Other service providers, and where their infrastructure nodes listen.
    pub providers: Vec<Provider>,
    /// TLS and proxy.
    pub security: Security,
    /// AE-ID stem of the administrator, if there is one.
    pub administrator: Option<String>,
    /// Whether CSEs may use links that are not trusted.
    pub allow_plain_mcc: bool,
    /// Whether registree CSEs without a link are dialled at their points of access.
    pub dial_registree_poa: bool,
    /// Whether the CSEBase says nothing of serializations.
    pub hide_csz: bool,
    /// The serializations that are offered on links that this CSE opens.
    pub offer: Offer,
    /// The dialect of links without subprotocol.
    pub dialect: DialectName,
    /// Where counters are served, if they are.
    pub metrics: Option<String>,
    /// Where the page for operators is served, if it is.
    pub web: Option<String>,
    /// Folder of the store; `None`: memory.
    pub store: Option<PathBuf>,
    /// Timers of the machine.
    pub timers: Timers,
    /// Limits of the machine.
    pub limits: Limits,
    /// Timers and limits of the host.
    pub host: Host,
}

impl Settings {
    /// The settings of these flags and of the file they name.
    pub fn gather(flags: &Flags) -> Result<Self, ConfigError> {
        Self::of(flags, File::read(flags)?)
    }

    /// The settings of these flags and of this file.
    pub fn of(flags: &Flags, file: File) -> Result<Self, ConfigError> {
        let (cse_id, name) = identity(
            flags.cse_id.clone().or(file.cse_id),
            flags.name.clone().or(file.name),
        )?;
        let kind = flags.kind.or(file.kind).unwrap_or_default();
        let registrar = flags.registrar.clone().or(file.registrar);
        let registrar = registrar
            .map(|text| PointOfAccess::parse(&text))
            .transpose()?;
        if registrar.is_some() && kind == Kind::In {
            return Err(ConfigError::Registrar);
        }
        let security = file.security.overridden(&flags.security());
        if security.certificate.is_some() != security.key.is_some() {
            return Err(ConfigError::Key);
        }
        if let Some(text) = security.proxy.as_ref().filter(|t| !is_host_and_port(t)) {
            return Err(ConfigError::Proxy(text.clone()));
        }
        if security.client_authorities.is_some() && security.certificate.is_none() {
            return Err(ConfigError::ClientAuthorities);
        }
        if let Some(text) = registrar.as_ref().filter(|r| r.is_secured())
            && security.registrar_authorities.is_none()
        {
            return Err(ConfigError::Authorities(text.to_string()));
        }
        let ephemeral = flags.ephemeral || (flags.store.is_none() && file.ephemeral == Some(true));
        if file.ephemeral == Some(true) && file.store.is_some() {
            return Err(ConfigError::Store);
        }
        let folder = || {
            flags
                .store
                .clone()
                .or(file.store)
                .unwrap_or_else(|| "cse-store".into())
        };
        let poa = if flags.poa.is_empty() {
            file.poa
        } else {
            flags.poa.clone()
        };
        for text in &poa {
            PointOfAccess::parse(text)?;
        }
        let sp_id = flags.sp_id.clone().or(file.sp_id);
        let sp_id = provider::id(sp_id.as_deref().unwrap_or(SERVICE_PROVIDER))?;
        let others = provider::others(flags, &file.providers, &sp_id, kind, &security)?;
        let administrator = flags.administrator.clone().or(file.administrator);
        if let Some(name) = administrator.as_ref().filter(|name| !is_stem(name)) {
            return Err(ConfigError::Administrator(name.clone()));
        }
        let listen = flags.listen.clone().or(file.listen);
        let mut settings = Self {
            listen: listen.unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            cse_id,
            sp_id,
            providers: others,
            name,
            kind,
            poa,
            registrar,
            security,
            administrator,
            allow_plain_mcc: flags.allow_plain_mcc || file.allow_plain_mcc.unwrap_or_default(),
            dial_registree_poa: flags.dial_registree_poa
                || file.dial_registree_poa.unwrap_or_default(),
            hide_csz: flags.hide_csz || file.hide_csz.unwrap_or_default(),
            offer: flags.offer.or(file.offer).unwrap_or_default(),
            dialect: flags.dialect.or(file.dialect).unwrap_or_default(),
            metrics: flags.metrics.clone().or(file.metrics),
            web: flags.web.clone().or(file.web),
            store: (!ephemeral).then(folder),
            timers: Timers::default(),
            limits: Limits::default(),
            host: Host::default(),
        };
        for (name, number) in file
            .timers
            .into_iter()
            .chain(pairs("--timer", &flags.timers)?)
        {
            settings.set(&TIMERS, "timer", &name, number)?;
        }
        for (name, number) in file
            .limits
            .into_iter()
            .chain(pairs("--limit", &flags.limits)?)
        {
            settings.set(&LIMITS, "limit", &name, number)?;
        }
        Ok(settings)
    }

    fn set(
        &mut self,
        rows: &[Row],
        kind: &'static str,
        name: &str,
        number: u64,
    ) -> Result<(), ConfigError> {
        let Some(row) = rows.iter().find(|row| row.name == name) else {
            let known = rows
                .iter()
                .map(|row| row.name)
                .collect::<Vec<_>>()
                .join(", ");
            return Err(ConfigError::Unknown {
                kind,
                name: name.to_owned(),
                known,
            });
        };
        if number == 0 || number > row.max {
            let max = row.max;
            return Err(ConfigError::Range {
                kind,
                name: name.to_owned(),
                number,
                max,
            });
        }
        (row.set)(self, number);
        Ok(())
    }

    /// The configuration of the machine, which is reached at `point_of_access`.
    #[must_use]
    pub fn machine(&self, point_of_access: Vec<Text>) -> Config {
        Config {
            cse_id: CseId::from(self.cse_id.as_str()),
            service_provider: self.sp_id.as_str().into(),
            providers: self.providers.clone(),
            name: self.name.as_str().into(),
            kind: match self.kind {
                Kind::In => CseKind::In,
                Kind::Mn => CseKind::Mn,
            },
            // Where it listens is known, where its CSEBase stands it will say itself.
            registrar: self.registrar.as_ref().map(|_| "-".into()),
            point_of_access,
            allow_plain_mcc: self.allow_plain_mcc,
            dial_registree_poa: self.dial_registree_poa,
            administrator: self.administrator.as_deref().map(Text::from),
            serializations: if self.hide_csz {
                Vec::new()
            } else {
                vec!["json".into(), "cbor".into()]
            },
            verify_subscriptions: true,
            timers: self.timers,
            limits: self.limits,
            deviations: Deviations::default(),
            host: HOST,
        }
    }

    /// The limits of links.
    #[must_use]
    pub fn links(&self) -> LinkLimits {
        LinkLimits {
            message_bytes: size(self.host.message_bytes),
            sent_bytes: size(self.host.sent_bytes),
            inbox_bytes: size(self.host.inbox_bytes),
            outbox: OutboxLimits {
                messages: size(self.host.outbox_messages),
                bytes: size(self.host.outbox_bytes),
                bytes_of_all: size(self.host.outboxes_bytes),
            },
            ping: Duration::from_millis(self.host.ping_ms),
            close: Duration::from_millis(self.host.close_ms),
            pace: Duration::from_millis(self.host.pace_ms),
        }
    }

    /// How many links there may be.
    #[must_use]
    pub fn links_max(&self) -> u32 {
        self.host.links
    }

    /// How many messages may wait for the machine.
    #[must_use]
    pub fn links_inbox(&self) -> usize {
        size(self.host.inbox_messages)
    }

    /// The dialect of links that name no subprotocol.
    #[must_use]
    pub fn unnamed_dialect(&self) -> Dialect {
        match self.dialect {
            DialectName::Published => Dialect::Published,
            DialectName::Draft => Dialect::Draft {
                cse: self.cse_id.trim_start_matches('/').into(),
            },
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            cse_id: "/cse1".to_owned(),
            sp_id: SERVICE_PROVIDER.to_owned(),
            providers: Vec::new(),
            name: "cse1".to_owned(),
            kind: Kind::default(),
            poa: Vec::new(),
            registrar: None,
            administrator: None,
            security: Security::default(),
            allow_plain_mcc: false,
            dial_registree_poa: false,
            hide_csz: false,
            offer: Offer::default(),
            dialect: DialectName::default(),
            metrics: None,
            web: None,
            store: Some("cse-store".into()),
            timers: Timers::default(),
            limits: Limits::default(),
            host: Host::default(),
        }
    }
}

/// CSE-ID and name, from what was given of them.
fn identity(cse_id: Option<String>, name: Option<String>) -> Result<(String, String), ConfigError> {
    let cse_id = cse_id.unwrap_or_else(|| "/cse1".to_owned());
    let stem = cse_id.strip_prefix('/').filter(|stem| is_name(stem));
    let stem = stem.ok_or_else(|| ConfigError::CseId(cse_id.clone()))?;
    let name = name.unwrap_or_else(|| stem.to_owned());
    if !is_name(&name) || name == "-" {
        return Err(ConfigError::Name(name));
    }
    Ok((cse_id, name))
}

/// The names and numbers of a flag that was given several times.
fn pairs(flag: &'static str, given: &[String]) -> Result<Vec<(String, u64)>, ConfigError> {
    let pair = |text: &String| {
        let (name, number) = text.split_once('=')?;
        Some((name.trim().to_owned(), number.trim().parse().ok()?))
    };
    let read = |text| {
        pair(text).ok_or_else(|| ConfigError::Pair {
            flag,
            given: text.clone(),
        })
    };
    given.iter().map(read).collect()
}

/// Whether a text can be the AE-ID stem of the administrator.
fn is_stem(text: &str) -> bool {
    text.len() > 1 && text.starts_with('C') && is_name(text)
}

/// Whether a text can be a segment of an address (TS-0001 clause 7.2).
fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    !text.is_empty() && text.bytes().all(allowed)
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use rstest::rstest;

    fn gather(arguments: &[&str]) -> Result<Settings, String> {
        let flags = Flags::try_parse_from([&["cse"], arguments].concat());
        Settings::gather(&flags.map_err(|why| why.to_string())?).map_err(|why| why.to_string())
    }

    #[rstest]
    #[case("m2m.example", Some("m2m.example"))]
    #[case("//m2m.example", Some("m2m.example"))]
    #[case("//m2m.example/cse1", None)]
    #[case("", None)]
    fn a_service_provider_has_a_name(#[case] given: &str, #[case] expected: Option<&str>) {
        let settings = gather(&["--sp-id", given]);

        // REG-71
        assert_eq!(settings.ok().map(|s| s.sp_id).as_deref(), expected);
    }

    #[test]
    fn defaults_are_those_of_the_help() {
        let settings = gather(&[]).expect("nothing is wrong");

        assert_eq!(settings.listen, "127.0.0.1:8080");
        assert_eq!(
            (settings.cse_id.as_str(), settings.name.as_str()),
            ("/cse1", "cse1")
        );
        assert_eq!(settings.store, Some("cse-store".into()));
    }

    #[test]
    fn the_name_follows_the_identifier() {
        assert_eq!(
            gather(&["--cse-id", "/cse2"]).map(|s| s.name),
            Ok("cse2".to_owned())
        );
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("cse.toml");
        let text =
            "cse_id = \"/a\"\nname = \"b\"\nephemeral = true\n[timers]\nping = 5\nlease = 6\n";
        std::fs::write(&path, text).expect("the folder is writable");
        let path = path.to_str().expect("the path is text");

        let settings = gather(&["--config", path, "--name", "c", "--timer", "ping=7"]);

        let settings = settings.expect("nothing is wrong");
        assert_eq!(
            (settings.cse_id.as_str(), settings.name.as_str()),
            ("/a", "c")
        );
        assert_eq!((settings.host.ping_ms, settings.timers.lease_ms), (7, 6));
        assert_eq!(settings.store, None);
    }

    #[test]
    fn the_example_file_says_the_defaults() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/cse.example.toml");
        let text = std::fs::read_to_string(path).expect("the example is there");

        let settings = gather(&["--config", path]).expect("nothing is wrong with it");

        let defaults = Settings::default();
        assert_eq!(format!("{settings:?}"), format!("{defaults:?}"));
        let is_named = |row: &Row| {
            let name = row.name;
            text.contains(&format!("\n{name} = ")) || text.contains(&format!("\n# {name} = "))
        };
        assert!(TIMERS.iter().chain(&LIMITS).all(is_named));
    }

    #[rstest]
    #[case("")]
    #[case("[tls]\n")]
    fn the_example_file_names_every_setting(#[case] table: &str) {
        let example = include_str!("../cse.example.toml");
        let refused = toml::from_str::<File>(&format!("{table}nonsense = 1"));

        let advice = refused.expect_err("there is no such setting").to_string();

        let (_, known) = advice.split_once("expected one of").expect("it names them");
        for name in known.split('`').skip(1).step_by(2) {
            let ways = ["\n", "\n# "].map(|before| format!("{before}{name} = "));
            let is_named = ways.iter().any(|way| example.contains(way));
            assert!(
                is_named || example.contains(&format!("\n[{name}]")),
                "{name}"
            );
        }
    }

    #[rstest]
    #[case(&["--tls-key", "k.pem"], "go together")]
    #[case(&["--kind", "mn", "--registrar", "wss://h"], "--registrar-authorities")]
    #[case(&["--cse-id", "cse1"], "write a slash and letters")]
    #[case(&["--cse-id", "/a/b"], "write a slash and letters")]
    #[case(&["--name", "a b"], "is no resource name")]
    #[case(&["--registrar", "ws://h:1"], "add --kind mn")]
    #[case(&["--kind", "mn", "--registrar", "h:1"], "write ws://HOST:PORT")]
    #[case(&["--kind", "mn", "--provider", "b.example"], "only an infrastructure node")]
    #[case(&["--provider", "sp.example"], "is the own service provider")]
    #[case(&["--provider", "b.example=h:1"], "write ws://HOST:PORT")]
    #[case(&["--provider", "b.example=wss://h"], "--registrar-authorities")]
    #[case(&["--provider", "a b"], "is no M2M-SP-ID")]
    #[case(&["--proxy", "127.0.0.1"], "write --proxy HOST:PORT")]
    #[case(&["--proxy", "http://127.0.0.1:3128"], "write --proxy HOST:PORT")]
    #[case(&["--kind", "asn"], "possible values: in, mn")]
    #[case(&["--timer", "ping"], "write --timer NAME=NUMBER")]
    #[case(&["--timer", "pong=1"], "there is no timer pong; there are request_life")]
    #[case(&["--timer", "ping=0"], "lies between 1 and")]
    #[case(&["--limit", "hops=99999999999"], "lies between 1 and 4294967295")]
    #[case(&["--config", "/nowhere/cse.toml"], "cannot read /nowhere/cse.toml")]
    #[case(&["--store", "x", "--ephemeral"], "cannot be used with")]
    fn settings_that_make_no_sense_are_refused_with_advice(
        #[case] arguments: &[&str],
        #[case] advice: &str,
    ) {
        let refused = gather(arguments).expect_err("it makes no sense");

        assert!(refused.contains(advice), "{refused}");
    }
}
