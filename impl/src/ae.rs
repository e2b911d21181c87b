//! An AE as a library: a small asynchronous interface on the AE machine.
//!
//! [`Ae::connect`] opens the link and returns a handle and the stream of [`Event`]s. Each method of the handle sends
//! one command to the task that owns the machine and waits for its end. Data of a session is sealed and opened on the
//! way; the application sees clear JSON only.
//!
//! ```no_run
//! # async fn run() -> Result<(), m2m_cse::ae::AeError> {
//! use m2m_cse::ae::{Ae, Application, Call, Options, Proposal};
//! use serde_json::json;
//!
//! let (ae, _events) = Ae::connect(Options::new("ws://127.0.0.1:8080", "/cse1")).await?;
//! ae.register(Application::new("Norg.example.ae1").named("ae1").session_capable()).await?;
//! let found = ae.discover("/cse2/cse2").await?;
//! let session = ae.establish(Proposal::with(&found[0])).await?;
//! let reading = json!({"m2m:cin": {"con": {"temp": 21.5}}});
//! ae.request(Call::create("/cse2/cse2/ae2/container1", 4, reading).in_session(&session.id)).await?;
//! ae.terminate(&session.id).await?;
//! # Ok(())
//! # }
//! ```

mod call;
mod client;
mod driver;
mod event;
pub mod lines;
mod options;
mod protection;
mod report;

pub use call::{Answer, Call};
pub use event::{Consent, Event, Events, Session};
pub use options::{Application, Options, Proposal};

use self::driver::{Driver, Order};
use self::report::Reply;
use crate::protect::ProtectError;
use m2m_machine::ae::command::{Ask, Objection, Verdict};
use m2m_machine::ae::endpoint::EndKey;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum AeError {
    /// An option has no meaning.
    #[error("{0}")]
    Option(String),
    /// No link could be opened.
    #[error("{url} cannot be reached: {why}; check that the CSE runs and listens there")]
    Unreachable {
        /// Where.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// The command makes no sense now.
    #[error("{}", explain(*.0))]
    Refused(Objection),
    /// The command itself is malformed.
    #[error("{0}")]
    Malformed(String),
    /// The registrar, or the other end behind it, said no.
    #[error("{what} was answered {status}{}", .why.as_ref().map_or(String::new(), |why| format!(" ({why})")))]
    Status {
        /// What was asked.
        what: &'static str,
        /// The response status code.
        status: u16,
        /// What the answer gave as reason.
        why: Option<String>,
    },
    /// A key is of no use.
    #[error(transparent)]
    Protect(#[from] ProtectError),
    /// The AE was closed.
    #[error("the AE was closed; connect again")]
    Closed,
}

/// A handle on a running AE; when the last one is dropped, the AE closes.
#[derive(Clone, Debug)]
pub struct Ae {
    orders: mpsc::Sender<Order>,
}

impl Ae {
    /// Starts an AE and opens its link.
    ///
    /// # Errors
    ///
    /// [`AeError::Option`] for a bad option, [`AeError::Unreachable`] if the first attempt fails.
    pub async fn connect(options: Options) -> Result<(Self, Events), AeError> {
        let (ae, events, opened) = Self::spawn(options)?;
        opened.await.map_err(|_| AeError::Closed)??;
        Ok((ae, events))
    }

    /// Starts an AE that opens its link as soon as that is possible, and says so by [`Event::Connected`].
    ///
    /// # Errors
    ///
    /// [`AeError::Option`] for a bad option.
    pub fn start(options: Options) -> Result<(Self, Events), AeError> {
        let (ae, events, _) = Self::spawn(options)?;
        Ok((ae, events))
    }

    fn spawn(options: Options) -> Result<(Self, Events, Opened), AeError> {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let (opened, is_open) = oneshot::channel();
        let (driver, events) = Driver::new(&options, inbox, opened)?;
        tokio::spawn(driver.run());
        Ok((Self { orders }, events, is_open))
    }

    /// Registers as an `<AE>`.
    ///
    /// # Errors
    ///
    /// [`AeError::Refused`], [`AeError::Status`], [`AeError::Closed`]; so for all that follow.
    pub async fn register(&self, application: Application) -> Result<Registered, AeError> {
        let reply = self.ask(Ask::Register(application.into_machine())).await?;
        if let Reply::Registered(registered) = reply {
            Ok(registered)
        } else {
            Err(reply.unexpected("the registration"))
        }
    }

    /// Looks for session-capable AEs below a CSEBase, for example `/cse2/cse2`; returns their AE-IDs.
    ///
    /// # Errors
    ///
    /// As [`Ae::register`].
    pub async fn discover(&self, at: &str) -> Result<Vec<String>, AeError> {
        let reply = self.ask(Ask::Discover { at: at.into() }).await?;
        if let Reply::Discovered(found) = reply {
            Ok(found)
        } else {
            Err(reply.unexpected("the discovery"))
        }
    }

    /// Subscribes to the own sessions; with `consent` questions come as [`Event::Consent`].
    ///
    /// # Errors
    ///
    /// As [`Ae::register`].
    pub async fn subscribe(&self, name: Option<&str>, consent: bool) -> Result<Answer, AeError> {
        let ask = Ask::Subscribe {
            name: name.map(Into::into),
            consent,
        };
        self.ask(ask).await?.success("the subscription")
    }

    /// Answers a question for consent with yes, and offers these own paths to the session.
    ///
    /// # Errors
    ///
    /// As [`Ae::register`]; [`AeError::Protect`] if the peer's public key is of no use.
    pub async fn accept(&self, session: &str, paths: &[&str]) -> Result<(), AeError> {
        let paths = paths.iter().map(|path| (*path).into()).collect();
        self.decide(
            session,
            Verdict::Accept {
                paths,
                end_to_end: None,
            },
        )
        .await
    }

    /// As [`Ae::accept`], where the question asks for an end-to-end key.
    ///
    /// # Errors
    ///
    /// As [`Ae::accept`].
    pub async fn accept_end_to_end(
        &self,
        session: &str,
        paths: &[&str],
        own: EndKey,
    ) -> Result<(), AeError> {
        let paths = paths.iter().map(|path| (*path).into()).collect();
        self.decide(
            session,
            Verdict::Accept {
                paths,
                end_to_end: Some(own),
            },
        )
        .await
    }

    /// Answers a question for consent with no.
    ///
    /// # Errors
    ///
    /// As [`Ae::register`].
    pub async fn refuse(&self, session: &str) -> Result<(), AeError> {
        self.decide(session, Verdict::Refuse).await
    }

    async fn decide(&self, session: &str, verdict: Verdict) -> Result<(), AeError> {
        match self
            .ask(Ask::Decide {
                session: session.into(),
                verdict,
            })
            .await?
        {
            Reply::Decided => Ok(()),
            other @ (Reply::Registered(_)
            | Reply::Discovered(_)
            | Reply::Established(_)
            | Reply::Answered(_)) => Err(other.unexpected("the verdict")),
        }
    }

    /// Establishes a session.
    ///
    /// # Errors
    ///
    /// As [`Ae::register`]; a refusal by the other end is [`AeError::Status`] with 4127.
    pub async fn establish(&self, proposal: Proposal) -> Result<Session, AeError> {
        let reply = self.ask(Ask::Establish(proposal.into_machine()?)).await?;
        if let Reply::Established(session) = reply {
            Ok(session)
        } else {
            Err(reply.unexpected("the establishment"))
        }
    }

    /// Makes a policy of a session; `policy` has the members of a `<sessionPolicy>`.
    ///
    /// # Errors
    ///
    /// As [`Ae::register`].
    pub async fn set_policy(
        &self,
        session: &str,
        policy: &serde_json::Value,
    ) -> Result<Answer, AeError> {
        let policy = call::policy(policy)?;
        let ask = Ask::SetPolicy {
            session: session.into(),
            policy,
        };
        self.ask(ask).await?.success("the policy")
    }

    /// Sends any request and waits for its answer, whatever its status; of a request that was accepted for later, the
    /// acknowledgement is the answer, and the result comes as [`Event::Result`].
    ///
    /// # Errors
    ///
    /// As [`Ae::register`], and [`AeError::Malformed`]; never [`AeError::Status`].
    pub async fn request(&self, call: Call) -> Result<Answer, AeError> {
        let reply = self.ask(call.into_machine()?).await?;
        if let Reply::Answered(answer) = reply {
            Ok(answer)
        } else {
            Err(reply.unexpected("the request"))
        }
    }

    /// Creates a resource of type `resource_type` below `to`.
    ///
    /// # Errors
    ///
    /// As [`Ae::request`].
    pub async fn create(
        &self,
        to: &str,
        resource_type: u32,
        content: serde_json::Value,
    ) -> Result<Answer, AeError> {
        self.request(Call::create(to, resource_type, content)).await
    }

    /// Reads a resource.
    ///
    /// # Errors
    ///
    /// As [`Ae::request`].
    pub async fn retrieve(&self, to: &str) -> Result<Answer, AeError> {
        self.request(Call::retrieve(to)).await
    }

    /// Changes a resource.
    ///
    /// # Errors
    ///
    /// As [`Ae::request`].
    pub async fn update(&self, to: &str, content: serde_json::Value) -> Result<Answer, AeError> {
        self.request(Call::update(to, content)).await
    }

    /// Deletes a resource.
    ///
    /// # Errors
    ///
    /// As [`Ae::request`].
    pub async fn delete(&self, to: &str) -> Result<Answer, AeError> {
        self.request(Call::delete(to)).await
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// As [`Ae::register`]; a status of 5107 says that not every hop has confirmed, though the session is over here.
    pub async fn terminate(&self, session: &str) -> Result<(), AeError> {
        let ask = Ask::Terminate {
            session: session.into(),
        };
        self.ask(ask).await?.success("the termination").map(drop)
    }

    /// Removes the `<AE>`, and with it all its sessions.
    ///
    /// # Errors
    ///
    /// As [`Ae::register`].
    pub async fn deregister(&self) -> Result<(), AeError> {
        self.ask(Ask::Deregister)
            .await?
            .success("the deregistration")
            .map(drop)
    }

    /// Waits until nothing is open, but no longer than `patience`, closes the link and ends.
    pub async fn close(self, patience: Duration) {
        let (done, is_done) = oneshot::channel();
        if self
            .orders
            .send(Order::Close { patience, done })
            .await
            .is_ok()
        {
            let _ = is_done.await;
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Reply, AeError> {
        let (reply, answer) = oneshot::channel();
        let order = Order::Ask {
            ask: Box::new(ask),
            reply,
        };
        self.orders.send(order).await.map_err(|_| AeError::Closed)?;
        answer.await.map_err(|_| AeError::Closed)?
    }
}

/// What a registration gave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Registered {
    /// SP-relative AE-ID.
    pub id: String,
    /// Name of the `<AE>` below the CSEBase.
    pub name: String,
}

type Opened = oneshot::Receiver<Result<(), AeError>>;

const ORDERS_MAX: usize = 64;

/// What was wrong with a command, and what to do.
const fn explain(why: Objection) -> &'static str {
    match why {
        Objection::NotRegistered => "this AE is not registered; register it first",
        Objection::AlreadyRegistered => {
            "this AE is registered already, or about to be; deregister it first"
        }
        Objection::NotInSession => {
            "this AE is not in that session, or not any more; establish a new one"
        }
        Objection::NoQuestion => "there is no open question about that session; wait for one",
        Objection::TooLate => "the verdict comes too late, or was given already",
        Objection::KeyMismatch => {
            "the question and the verdict differ about an end-to-end key; give one exactly if the question has one"
        }
        Objection::BadAddress => {
            "that is no address; write for example cse1/ae1/data or /cse2/cse2/ae2/data"
        }
        Objection::CannotSeal => {
            "content of that shape cannot be sealed; send m2m:cin with con, or a flexContainer, or do not protect it"
        }
        Objection::CounterExhausted => {
            "the key of that session is used up; end it and establish a new one"
        }
        Objection::TooMany => "too many requests or sessions are open; wait for some to end",
        Objection::NoResponse => {
            "a request without any answer is not supported; use another response type"
        }
    }
}
