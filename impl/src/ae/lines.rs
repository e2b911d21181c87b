//! JSON lines: commands of the AE program on one side, its events on the other.

use super::{Ae, AeError, Answer, Application, Call, Consent, Event, Proposal, Session};
use crate::protect::{KEY_BYTES, key_pair};
use m2m_machine::ae::endpoint::EndKey;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// One line of input.
#[derive(Clone, Debug)]
pub struct Line {
    /// Returned in what is said about it.
    pub id: Option<Value>,
    /// Whether the next command waits for the end of this one.
    pub wait: bool,
    /// What is wanted.
    pub command: Command,
}

/// What can be wanted; each field stands in the line beside `do`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the help of the program explains every field")]
pub enum Command {
    /// Register.
    Register {
        app_id: String,
        name: Option<String>,
        stem: Option<String>,
        #[serde(default = "yes")]
        session_capable: bool,
    },
    /// Remove the registration.
    Deregister {},
    /// Look for session-capable AEs.
    Discover { at: String },
    /// Subscribe to the own sessions.
    Subscribe {
        name: Option<String>,
        #[serde(default = "yes")]
        consent: bool,
    },
    /// Establish a session.
    Establish {
        target: String,
        name: Option<String>,
        #[serde(default)]
        paths: Vec<String>,
        expires: Option<String>,
        #[serde(default)]
        descriptors: Vec<String>,
        #[serde(default)]
        policies: Vec<Value>,
        #[serde(default)]
        end_to_end: bool,
        patience_ms: Option<u64>,
    },
    /// Say yes to a question.
    Accept {
        session: String,
        #[serde(default)]
        paths: Vec<String>,
        #[serde(default)]
        end_to_end: bool,
    },
    /// Say no to a question.
    Refuse { session: String },
    /// Make a policy.
    Policy { session: String, policy: Value },
    /// Send any request.
    Send {
        request: Map<String, Value>,
        #[serde(default = "yes")]
        protect: bool,
    },
    /// End a session.
    Terminate { session: String },
    /// End the program.
    Quit {},
}

const fn yes() -> bool {
    true
}

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// What is wrong with it and what to write instead, with the `id` if one could be read.
    pub fn parse(text: &str) -> Result<Self, (Option<Value>, String)> {
        let object = serde_json::from_str(text);
        let mut members: Map<String, Value> = object.map_err(|why| {
            (
                None,
                format!(
                    "the line is no JSON object ({why}); write for example {{\"do\":\"quit\"}}"
                ),
            )
        })?;
        let id = members.remove("id");
        let wait = match members.remove("wait") {
            None => None,
            Some(Value::Bool(wait)) => Some(wait),
            Some(other) => return Err((id, format!("wait is {other}; write true or false"))),
        };
        match serde_json::from_value::<Command>(Value::Object(members)) {
            Ok(command) => {
                let wait = wait.unwrap_or_else(|| !command.is_verdict());
                Ok(Self { id, wait, command })
            }
            Err(why) => Err((id, format!("{why}; --help shows every command"))),
        }
    }
}

impl Command {
    /// The name of the command in a line.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Deregister {} => "deregister",
            Self::Discover { .. } => "discover",
            Self::Subscribe { .. } => "subscribe",
            Self::Establish { .. } => "establish",
            Self::Accept { .. } => "accept",
            Self::Refuse { .. } => "refuse",
            Self::Policy { .. } => "policy",
            Self::Send { .. } => "send",
            Self::Terminate { .. } => "terminate",
            Self::Quit {} => "quit",
        }
    }

    /// A verdict must not wait for a command that may itself wait for it.
    const fn is_verdict(&self) -> bool {
        match self {
            Self::Accept { .. } | Self::Refuse { .. } => true,
            Self::Register { .. }
            | Self::Deregister {}
            | Self::Discover { .. }
            | Self::Subscribe { .. }
            | Self::Establish { .. }
            | Self::Policy { .. }
            | Self::Send { .. }
            | Self::Terminate { .. }
            | Self::Quit {} => false,
        }
    }

    /// Carries the command out; the members are what the program says about it.
    ///
    /// # Errors
    ///
    /// As the methods of [`Ae`].
    pub async fn run(self, ae: &Ae) -> Result<Map<String, Value>, AeError> {
        let said = match self {
            Self::Register {
                app_id,
                name,
                stem,
                session_capable,
            } => {
                let wanted = application(&app_id, name, stem, session_capable);
                let registered = ae.register(wanted).await?;
                json!({"ae": registered.id, "name": registered.name})
            }
            Self::Deregister {} => {
                ae.deregister().await?;
                json!({})
            }
            Self::Discover { at } => json!({"found": ae.discover(&at).await?}),
            Self::Subscribe { name, consent } => {
                answer(&ae.subscribe(name.as_deref(), consent).await?)
            }
            Self::Establish {
                target,
                name,
                paths,
                expires,
                descriptors,
                policies,
                end_to_end,
                patience_ms,
            } => {
                let end_to_end = end_to_end.then(fresh_key).transpose()?;
                let patience = patience_ms.map(Duration::from_millis);
                let proposal = Proposal {
                    target,
                    name,
                    paths,
                    expires,
                    descriptors,
                    policies,
                    end_to_end,
                    patience,
                };
                session(&ae.establish(proposal).await?)
            }
            Self::Accept {
                session,
                paths,
                end_to_end,
            } => {
                let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
                if end_to_end {
                    ae.accept_end_to_end(&session, &paths, fresh_key()?).await?;
                } else {
                    ae.accept(&session, &paths).await?;
                }
                json!({"session": session})
            }
            Self::Refuse { session } => {
                ae.refuse(&session).await?;
                json!({"session": session})
            }
            Self::Policy { session, policy } => answer(&ae.set_policy(&session, &policy).await?),
            Self::Send { request, protect } => {
                let call = Call::from_parameters(request);
                let call = if protect { call } else { call.unprotected() };
                answer(&ae.request(call).await?)
            }
            Self::Terminate { session } => {
                ae.terminate(&session).await?;
                json!({"session": session})
            }
            Self::Quit {} => json!({}),
        };
        Ok(members(said))
    }
}

fn application(
    app_id: &str,
    name: Option<String>,
    stem: Option<String>,
    session_capable: bool,
) -> Application {
    let mut wanted = Application::new(app_id);
    if let Some(name) = name {
        wanted = wanted.named(&name);
    }
    if let Some(stem) = stem {
        wanted = wanted.with_stem(&stem);
    }
    if session_capable {
        wanted = wanted.session_capable();
    }
    wanted
}

fn fresh_key() -> Result<EndKey, AeError> {
    let mut private = [0; KEY_BYTES];
    getrandom::fill(&mut private)
        .map_err(|why| AeError::Option(format!("there is no randomness: {why}")))?;
    Ok(key_pair(private))
}

/// What the program says when a command has come to its end.
#[must_use]
pub fn ended(name: &str, id: Option<&Value>, result: Result<Map<String, Value>, AeError>) -> Value {
    match result {
        Ok(said) => {
            let mut line = members(json!({"event": "done", "do": name}));
            if let Some(id) = id {
                line.insert("id".to_owned(), id.clone());
            }
            line.extend(said);
            Value::Object(line)
        }
        Err(error) => {
            let mut line = members(failed(Some(name), id, &error.to_string()));
            if let AeError::Status { status, .. } = error {
                line.insert("status".to_owned(), json!(status));
            }
            Value::Object(line)
        }
    }
}

/// What the program says about a failure.
#[must_use]
pub fn failed(name: Option<&str>, id: Option<&Value>, why: &str) -> Value {
    let mut line = members(json!({"event": "error"}));
    if let Some(name) = name {
        line.insert("do".to_owned(), json!(name));
    }
    if let Some(id) = id {
        line.insert("id".to_owned(), id.clone());
    }
    line.insert("error".to_owned(), json!(why));
    Value::Object(line)
}

/// An event as the program says it.
#[must_use]
pub fn told(event: &Event) -> Value {
    match event {
        Event::Connected => json!({"event": "connected"}),
        Event::Disconnected => json!({"event": "disconnected"}),
        Event::Consent(Consent {
            session,
            initiator,
            paths,
            expires,
            answer_by,
            end_to_end,
            descriptors,
        }) => json!({
            "event": "consent",
            "session": session,
            "initiator": initiator,
            "paths": paths,
            "expires": expires,
            "answer_by": answer_by,
            "end_to_end": end_to_end,
            "descriptors": descriptors,
        }),
        Event::Silent { session } => json!({"event": "silent", "session": session}),
        Event::Updated {
            session,
            resource,
            operation,
            originator,
        } => json!({
            "event": "updated",
            "session": session,
            "resource": resource,
            "op": operation,
            "originator": originator,
        }),
        Event::Result {
            request,
            answer: result,
        } => {
            let mut line = members(json!({"event": "result"}));
            line.extend(members(answer(result)));
            line.insert("request".to_owned(), json!(request));
            Value::Object(line)
        }
        Event::Notified {
            from,
            session,
            content,
        } => {
            json!({"event": "notified", "from": from, "session": session, "content": content})
        }
        Event::Ended { session, reason } => {
            json!({"event": "ended", "session": session, "reason": reason})
        }
        Event::LimitReached(what) => json!({"event": "limit", "what": what}),
    }
}

fn answer(answer: &Answer) -> Value {
    let mut said = members(json!({"status": answer.status, "request": answer.request}));
    if let Some(content) = &answer.content {
        said.insert("content".to_owned(), content.clone());
    }
    if !answer.unreadable.is_empty() {
        said.insert("unreadable".to_owned(), json!(answer.unreadable));
    }
    Value::Object(said)
}

fn session(session: &Session) -> Value {
    json!({
        "session": session.id,
        "address": session.address,
        "peer": session.peer,
        "peer_paths": session.peer_paths,
        "expires": session.expires,
    })
}

fn members(value: Value) -> Map<String, Value> {
    if let Value::Object(members) = value {
        members
    } else {
        Map::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#"{"do":"register","app_id":"Nx"}"#, "register", true)]
    #[case(r#"{"do":"accept","session":"/cse1/x"}"#, "accept", false)]
    #[case(
        r#"{"do":"send","request":{"op":2,"to":"cse1"},"wait":false}"#,
        "send",
        false
    )]
    #[case(r#"{"id":7,"do":"quit"}"#, "quit", true)]
    fn a_line_is_a_command(#[case] text: &str, #[case] name: &str, #[case] wait: bool) {
        let line = Line::parse(text).expect("a command");

        assert_eq!((line.command.name(), line.wait), (name, wait));
    }

    #[rstest]
    #[case("quit", "no JSON object")]
    #[case("[1]", "no JSON object")]
    #[case(r#"{"do":"fly"}"#, "unknown variant `fly`")]
    #[case(r#"{"do":"register"}"#, "missing field `app_id`")]
    #[case(r#"{"do":"discover","at":"/cse2","deep":1}"#, "unknown field `deep`")]
    #[case(r#"{"do":"quit","wait":3}"#, "write true or false")]
    #[case(r#"{}"#, "missing field `do`")]
    fn a_malformed_line_is_explained(#[case] text: &str, #[case] expected: &str) {
        let (_, why) = Line::parse(text).expect_err("it is none");

        assert!(why.contains(expected), "{why}");
    }

    #[test]
    fn a_malformed_line_keeps_its_number() {
        let (id, _) = Line::parse(r#"{"id":"a","do":"fly"}"#).expect_err("it is none");

        assert_eq!(id, Some(json!("a")));
    }
}
