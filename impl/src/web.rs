//! A page for operators: who is registered, links, sessions with their ladders, the resource tree. Only to look at.
//!
//! The owner of the machine makes the page between two rounds, from the machine's read-only views; what a page
//! shows at most is bounded, so that looking costs little and the same however large the tree is.

pub mod html;
pub mod ladder;
pub mod page;

use crate::http::{self, Answer};
use crate::link::Arrival;
use m2m_machine::id::ResourceId;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// Nothing is loaded, nothing runs, nobody frames it.
const HEADERS: &str = "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n";

/// A wish to look.
#[derive(Debug)]
pub struct Look {
    /// The resource whose attributes and children are shown; `None`: the CSEBase.
    pub at: Option<ResourceId>,
    /// Where the page goes; `None`: there is no such resource.
    pub page: oneshot::Sender<Option<String>>,
}

/// Shows pages until the task is dropped.
pub async fn serve(listener: TcpListener, inbox: mpsc::Sender<Arrival>) {
    http::serve(listener, move |target| answer(target, inbox.clone())).await;
}

async fn answer(target: String, inbox: mpsc::Sender<Arrival>) -> Answer {
    let Some(at) = place(&target) else {
        return Answer::advice("404 Not Found", "ask for /");
    };
    let (page, made) = oneshot::channel();
    let asked = inbox.send(Arrival::Look(Look { at, page })).await;
    match (asked, made.await) {
        (Ok(()), Ok(Some(page))) => Answer {
            headers: HEADERS,
            ..Answer::ok("text/html; charset=utf-8", page)
        },
        (Ok(()), Ok(None)) => {
            Answer::advice("404 Not Found", "there is no such resource; ask for /")
        }
        (Err(_), _) | (_, Err(_)) => Answer::advice("503 Service Unavailable", "shutting down"),
    }
}

/// The resource that a target asks for; `None` if the target is none of the page.
fn place(target: &str) -> Option<Option<ResourceId>> {
    let query = target.strip_prefix('/')?;
    if query.is_empty() {
        return Some(None);
    }
    let id = query.strip_prefix("?at=")?;
    let is_id = !id.is_empty()
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
    is_id.then(|| Some(ResourceId::from(id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/", Some(None))]
    #[case("/?at=cnt4", Some(Some("cnt4")))]
    #[case("/?at=", None)]
    #[case("/?at=<b>", None)]
    #[case("/?at=a/../b", None)]
    #[case("/metrics", None)]
    #[case("", None)]
    fn a_page_is_asked_for_by_its_resource(#[case] target: &str, #[case] at: Option<Option<&str>>) {
        assert_eq!(place(target), at.map(|id| id.map(ResourceId::from)));
    }
}
