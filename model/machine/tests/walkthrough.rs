//! The three call flows, step by step, as numbered in the figures: over two CSEs, over one, and over three.
//!
//! A step without a message of its own is named, and its consequence is looked at. The transcripts are for reading.

#[expect(dead_code, reason = "each test program uses a part")]
mod common;

#[path = "walkthrough/chain.rs"]
mod chain;
#[path = "walkthrough/flow1.rs"]
mod flow1;
#[path = "walkthrough/flow2.rs"]
mod flow2;
#[path = "walkthrough/flow3.rs"]
mod flow3;
#[path = "walkthrough/single.rs"]
mod single;

use common::message::{reply, request};
use common::{Node, World, show};
use m2m_machine::primitive::{Primitive, Request, Response};
use m2m_machine::shared::Shared;
use m2m_machine::status::Status;
use std::collections::BTreeSet;

/// A world that is played step by step.
pub(crate) struct Play {
    pub(crate) world: World,
}

impl Play {
    pub(crate) fn new(world: World) -> Self {
        Self { world }
    }

    /// Starts a chapter of the transcript.
    pub(crate) fn chapter(&mut self, title: &str) {
        let time = show::time(self.world.now);
        let gap = if self.world.transcript.is_empty() {
            ""
        } else {
            "\n"
        };
        self.world
            .transcript
            .push(format!("{gap}── {title} ── {time}"));
    }

    /// An AE sends a request.
    pub(crate) fn asks(&mut self, step: &str, from: Node, to: Node, request: Request) {
        let primitive = Primitive::Request(Shared::new(request));
        self.says(step, from, to, primitive);
    }

    /// An AE sends a response.
    pub(crate) fn replies(&mut self, step: &str, from: Node, to: Node, response: Response) {
        let primitive = Primitive::Response(Shared::new(response));
        self.says(step, from, to, primitive);
    }

    /// An AE acknowledges a notification.
    pub(crate) fn acknowledges(&mut self, step: &str, from: Node, to: Node, notice: &Request) {
        self.replies(step, from, to, reply(notice, Status::OK));
    }

    fn says(&mut self, step: &str, from: Node, to: Node, primitive: Primitive) {
        let line = show::line(step, from, to, &primitive);
        self.world.transcript.push(line);
        self.world.say(from, to, primitive);
    }

    /// The next message that a CSE has sent passes.
    pub(crate) fn sees(&mut self, step: &str, from: Node, to: Node) -> Primitive {
        let next = self.world.waiting(from, to).next();
        let next = next.unwrap_or_else(|| panic!("{step}: nothing from {from} to {to}"));
        let line = show::line(step, from, to, next);
        self.world.transcript.push(line);
        self.world.pass(from, to).expect("it waits")
    }

    /// The next message to pass is a request.
    pub(crate) fn request(&mut self, step: &str, from: Node, to: Node) -> Request {
        request(self.sees(step, from, to))
    }

    /// The next message to pass is a response with this status.
    pub(crate) fn response(
        &mut self,
        step: &str,
        from: Node,
        to: Node,
        status: Status,
    ) -> Response {
        let response = common::message::response(self.sees(step, from, to));
        assert_eq!(response.status, status, "{step}");
        response
    }

    /// A step that shows in no message of its own.
    pub(crate) fn local(&mut self, step: &str, at: Node, what: &str) {
        let line = format!("{step:<7} {at:>4}         ({what})");
        self.world.transcript.push(line);
    }

    /// Goes on from an earlier moment; the transcript stays.
    pub(crate) fn back_to(&mut self, earlier: World) {
        let transcript = std::mem::take(&mut self.world.transcript);
        self.world = earlier;
        self.world.transcript = transcript;
    }

    /// Nothing is on its way and nobody is waited for.
    pub(crate) fn is_quiet(&self) {
        assert_eq!(self.world.in_flight(), [], "nothing is on its way");
    }

    pub(crate) fn text(&self) -> String {
        self.world.transcript.join("\n")
    }
}

/// Compares a transcript with the one that was judged.
pub(crate) fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("snapshots");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_three_call_flows_run_over_two_cses_as_numbered() {
    let mut play = Play::new(common::scene::two_cses());

    flow1::set_up(&mut play);
    let (ticket, far) = flow1::establishment(&mut play);
    flow1::policy(&mut play);
    let uri = flow2::stored_request(&mut play, &ticket);
    flow2::update_and_reading(&mut play, &ticket, &uri, &far);
    flow3::from_the_initiator(&mut play, &far);

    let text = play.text();
    assert_eq!(missing_steps(&text), BTreeSet::<String>::new());
    snapshot("flows", &text);
}

#[test]
fn a_session_also_ends_from_the_target_by_expiry_and_by_deregistration() {
    let mut play = Play::new(common::scene::pair());
    let asked = common::scene::proposal(&play.world, "e1", "s1");
    play.world.ask("AE1", "CSE1", asked);
    let question = common::scene::question(&mut play.world);
    let far = flow1::resource(&question);
    common::scene::agree(&mut play.world, &question, &[]);
    play.world
        .take_response("CSE1", "AE1", "e1")
        .expect("success");
    let session = play.world.clone();

    flow3::from_the_target(&mut play, &far);
    let mut by_expiry = Play::new(session.clone());
    flow3::by_expiry(&mut by_expiry);
    let mut by_deregistration = Play::new(session);
    flow3::by_deregistration(&mut by_deregistration);

    let texts = [play.text(), by_expiry.text(), by_deregistration.text()];
    snapshot("other_ends", &texts.join("\n\n"));
}

#[test]
fn the_flows_run_at_one_cse_without_hops() {
    snapshot("one_cse", &single::flows());
}

#[test]
fn the_flows_run_over_a_transit_cse() {
    snapshot("transit_cse", &chain::flows());
}

/// The numbered steps of the figures that the transcript does not show.
fn missing_steps(text: &str) -> BTreeSet<String> {
    let numbered = [(1, 23), (2, 27), (3, 11)];
    let wanted = numbered
        .into_iter()
        .flat_map(|(flow, last)| (1..=last).map(move |step| format!("F{flow}-{step:02}")));
    wanted
        .filter(|step| !text.lines().any(|line| line.starts_with(step)))
        .collect()
}
