//! What an application decides: where its registrar is, how it registers, which session it wants.

use super::AeError;
use super::call;
use crate::connect::Route;
use crate::wire::time;
use m2m_machine::ae;
use m2m_machine::ae::endpoint::EndKey;
use m2m_machine::id::{AeId, CseId};
use m2m_machine::primitive::When;
use m2m_machine::shared::Shared;
use std::time::Duration;

/// Where the registrar is, and how to speak with it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The registrar's point of access: `ws://HOST:PORT` or `wss://HOST:PORT`.
    pub url: String,
    /// The way there: whom to trust, which certificate to show, through which proxy.
    pub route: Route,
    /// The registrar's CSE-ID, for example `/cse1`.
    pub cse_id: String,
    /// The name of its CSEBase; the CSE-ID without its slash if `None`.
    pub base: Option<String>,
    /// AE-ID stem and `<AE>` name of a registration that exists already.
    pub registered: Option<(String, String)>,
    /// Timers.
    pub timers: ae::Timers,
    /// Limits.
    pub limits: ae::Limits,
    /// Largest message taken, in bytes.
    pub message_bytes_max: usize,
    /// How long an attempt to open the link may take.
    pub handshake_timeout: Duration,
    /// Silence after which the registrar is asked whether it is there; two unanswered questions end the link.
    pub ping_interval: Duration,
}

impl Options {
    /// Usual options for the CSE with this CSE-ID at this point of access.
    #[must_use]
    pub fn new(url: &str, cse_id: &str) -> Self {
        Self {
            url: url.to_owned(),
            route: Route::default(),
            cse_id: cse_id.to_owned(),
            base: None,
            registered: None,
            timers: ae::Timers::default(),
            limits: ae::Limits::default(),
            message_bytes_max: 1 << 20,
            handshake_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(30),
        }
    }

    pub(super) fn machine(&self, request_prefix: &str) -> Result<ae::Config, AeError> {
        let stem = self
            .cse_id
            .strip_prefix('/')
            .filter(|stem| !stem.is_empty() && !stem.contains('/'));
        let Some(stem) = stem else {
            let why = format!(
                "{:?} is no CSE-ID; write a slash and a name, for example /cse1",
                self.cse_id
            );
            return Err(AeError::Option(why));
        };
        let registrar = CseId::from(self.cse_id.as_str());
        let registered = self.registered.as_ref().map(|(stem, name)| ae::Identity {
            id: AeId::at(&registrar, stem),
            name: name.as_str().into(),
        });
        Ok(ae::Config {
            base: self.base.as_deref().unwrap_or(stem).into(),
            registrar,
            registered,
            request_prefix: request_prefix.into(),
            timers: self.timers,
            limits: self.limits,
        })
    }
}

/// How an application registers.
#[derive(Clone, Debug)]
pub struct Application {
    app_id: String,
    name: Option<String>,
    stem: Option<String>,
    session_capable: bool,
}

impl Application {
    /// An application with this App-ID, for example `Norg.example.thermometer`.
    #[must_use]
    pub fn new(app_id: &str) -> Self {
        Self {
            app_id: app_id.to_owned(),
            name: None,
            stem: None,
            session_capable: false,
        }
    }

    /// Wants this name for its `<AE>`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Wants this AE-ID stem, for example `Cthermometer`.
    #[must_use]
    pub fn with_stem(mut self, stem: &str) -> Self {
        self.stem = Some(stem.to_owned());
        self
    }

    /// Can be in sessions.
    #[must_use]
    pub const fn session_capable(mut self) -> Self {
        self.session_capable = true;
        self
    }

    pub(super) fn into_machine(self) -> Shared<ae::command::Application> {
        Shared::new(ae::command::Application {
            name: self.name.map(|name| name.as_str().into()),
            app_id: self.app_id.as_str().into(),
            stem: self.stem.map(|stem| stem.as_str().into()),
            session_capable: self.session_capable,
        })
    }
}

/// The session that an application wants.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// AE-ID of the other end, for example `/cse2/Cae2`.
    pub target: String,
    /// Wanted name of the session.
    pub name: Option<String>,
    /// Own paths offered to the session.
    pub paths: Vec<String>,
    /// Wanted end, as a timestamp of oneM2M, for example `20270308T100000`.
    pub expires: Option<String>,
    /// What the session is for.
    pub descriptors: Vec<String>,
    /// Policies in force from the start, each with the members of a `<sessionPolicy>`.
    pub policies: Vec<serde_json::Value>,
    /// The own key pair, if the key is to be agreed end to end.
    pub end_to_end: Option<EndKey>,
    /// How long to wait for the answer.
    pub patience: Option<Duration>,
}

impl Proposal {
    /// A session with this AE, without own paths.
    #[must_use]
    pub fn with(target: &str) -> Self {
        Self {
            target: target.to_owned(),
            name: None,
            paths: Vec::new(),
            expires: None,
            descriptors: Vec::new(),
            policies: Vec::new(),
            end_to_end: None,
            patience: None,
        }
    }

    pub(super) fn into_machine(self) -> Result<Shared<ae::command::Proposal>, AeError> {
        let texts = |list: Vec<String>| list.iter().map(|text| text.as_str().into()).collect();
        let policies: Result<Vec<_>, _> = self.policies.iter().map(call::policy).collect();
        let expires = self.expires.map(|text| timestamp(&text)).transpose()?;
        let patience = self
            .patience
            .map(|patience| When::After(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX)));
        Ok(Shared::new(ae::command::Proposal {
            target: self.target.as_str().into(),
            name: self.name.map(|name| name.as_str().into()),
            paths: texts(self.paths),
            expires,
            descriptors: texts(self.descriptors),
            policies: policies?,
            end_to_end: self.end_to_end,
            answer_by: patience,
        }))
    }
}

/// The moment that a timestamp names.
pub(super) fn timestamp(text: &str) -> Result<m2m_machine::Timestamp, AeError> {
    time::parse(text).ok_or_else(|| {
        AeError::Malformed(format!(
            "{text:?} is no timestamp; write for example 20270308T100000 (UTC)"
        ))
    })
}
