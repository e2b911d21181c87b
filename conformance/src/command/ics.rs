//! `ics probe` and `ics check`.

use crate::case::Group;
use crate::cli::{SystemOptions, exit};
use crate::command::Complaint;
use crate::command::system::Known;
use crate::console;
use crate::ics::{self, Offer};
use crate::run::Sut;

/// Finds out what a system supports.
pub(super) async fn probe(options: &SystemOptions) -> Result<u8, Complaint> {
    let (_, found) = ask(options).await?;
    console::offers(&found);
    Ok(if unknown(&found) {
        exit::INCONCLUSIVE
    } else {
        exit::PASSED
    })
}

/// Compares it with what the profile says.
pub(super) async fn check(options: &SystemOptions) -> Result<u8, Complaint> {
    let (declared, found) = ask(options).await?;
    console::offers(&found);
    let differences = ics::compare(&declared, &found);
    console::differences(&differences);
    Ok(if !differences.is_empty() {
        exit::FAILED
    } else if unknown(&found) {
        exit::INCONCLUSIVE
    } else {
        exit::PASSED
    })
}

async fn ask(options: &SystemOptions) -> Result<(Vec<Group>, Vec<(Group, Offer)>), Complaint> {
    let known = Known::read(options)?;
    let asks_all = Sut::attached("", Vec::new(), Group::ALL.to_vec());
    let cases = ics::probes(&asks_all);
    let sut = known.start(options, &cases).await?;
    let declared = sut.groups.clone();
    let plan = known.plan(options, Vec::new(), sut);
    let progress = console::Progress::new(cases.len());
    let found = ics::probe(&plan, |outcome| progress.done(outcome)).await;
    progress.finish();
    plan.sut.stop().await;
    Ok((declared, found))
}

fn unknown(found: &[(Group, Offer)]) -> bool {
    let is_unknown = |(_, offer): &(Group, Offer)| matches!(offer, Offer::Unknown(_));
    found.iter().any(is_unknown)
}
