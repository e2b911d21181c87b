//! What the machine reports, in the words of the library.

use super::call::{Answer, faults, json_of};
use super::event::{self, Consent, Event, Session};
use super::{AeError, Registered};
use m2m_machine::ae::command::Event as Told;
use m2m_machine::ae::sealing::Unreadable;
use m2m_machine::id::SessionId;
use m2m_machine::primitive::Content;
use m2m_machine::text::Text;

/// How a command ended.
#[derive(Debug)]
pub(super) enum Reply {
    Registered(Registered),
    Discovered(Vec<String>),
    Established(Session),
    Decided,
    Answered(Answer),
}

impl Reply {
    /// The answer, if it says that the request was carried out.
    pub(super) fn success(self, what: &'static str) -> Result<Answer, AeError> {
        match self {
            Self::Answered(answer) if answer.is_success() => Ok(answer),
            other @ (Self::Answered(_)
            | Self::Registered(_)
            | Self::Discovered(_)
            | Self::Established(_)
            | Self::Decided) => Err(other.unexpected(what)),
        }
    }

    /// The error that an answer is where something better was hoped for.
    pub(super) fn unexpected(self, what: &'static str) -> AeError {
        match self {
            Self::Answered(answer) => {
                let why = answer.reason().map(str::to_owned);
                AeError::Status {
                    what,
                    status: answer.status,
                    why,
                }
            }
            Self::Registered(_) | Self::Discovered(_) | Self::Established(_) | Self::Decided => {
                AeError::Closed
            }
        }
    }
}

/// What a report becomes.
pub(super) enum Said {
    /// The end of a command.
    Reply(u64, Result<Reply, AeError>),
    /// The end of an establishment; its session is known to the machine.
    Established(u64, SessionId),
    /// The end of a request, for whoever waits for it.
    Answer(Answer),
    /// Something that nobody waits for.
    Event(Event),
}

/// Takes a report apart.
pub(super) fn said(told: Told) -> Said {
    match told {
        Told::Connected => Said::Event(Event::Connected),
        Told::Disconnected => Said::Event(Event::Disconnected),
        Told::Refused { tag, why } => Said::Reply(tag, Err(AeError::Refused(why))),
        Told::Registered { tag, id, name } => {
            let registered = Registered {
                id: id.to_string(),
                name: name.to_string(),
            };
            Said::Reply(tag, Ok(Reply::Registered(registered)))
        }
        Told::Discovered { tag, found } => {
            let found = found.iter().map(ToString::to_string).collect();
            Said::Reply(tag, Ok(Reply::Discovered(found)))
        }
        Told::Established { tag, session } => Said::Established(tag, session),
        Told::Decided { tag, .. } => Said::Reply(tag, Ok(Reply::Decided)),
        Told::Accepted { tag, response } => {
            Said::Reply(tag, Ok(Reply::Answered(Answer::new(tag, &response, &[]))))
        }
        Told::Answered {
            tag,
            response,
            unreadable,
        } => Said::Answer(Answer::new(tag, &response, &unreadable)),
        Told::Result { response } => {
            let answer = Answer::new(0, &response, &[]);
            Said::Event(Event::Result {
                request: None,
                answer,
            })
        }
        Told::Consent(question) => Said::Event(Event::Consent(Consent::new(&question))),
        Told::Silent { session } => Said::Event(Event::Silent {
            session: session.to_string(),
        }),
        Told::Updated {
            session,
            resource,
            operation,
            originator,
        } => Said::Event(Event::Updated {
            session: session.to_string(),
            resource: resource.to_string(),
            operation: operation.number(),
            originator: originator.to_string(),
        }),
        Told::Notified {
            from,
            session,
            content,
            unreadable,
        } => Said::Event(notified(
            &from,
            session.as_ref(),
            content.as_ref(),
            &unreadable,
        )),
        Told::Ended { session, reason } => {
            let reason = event::reason(reason);
            Said::Event(Event::Ended {
                session: session.to_string(),
                reason,
            })
        }
        Told::LimitReached(what) => Said::Event(Event::LimitReached(what)),
    }
}

fn notified(
    from: &Text,
    session: Option<&SessionId>,
    content: Option<&Content>,
    unreadable: &[Unreadable],
) -> Event {
    for fault in faults(unreadable) {
        tracing::warn!(fault, "a sealed value was refused");
    }
    Event::Notified {
        from: from.to_string(),
        session: session.map(ToString::to_string),
        content: content.map(|content| json_of(content, unreadable)),
    }
}
