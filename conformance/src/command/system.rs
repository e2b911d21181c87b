//! From the command line to a running system under test.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::case::{Case, Group};
use crate::cli::{SystemOptions, exit};
use crate::command::Complaint;
use crate::console;
use crate::contact;
use crate::dice;
use crate::profile::{Agent, Ixit, Profile, Registree};
use crate::run::{self, Plan, Sut};
use crate::sut::foreign::Foreign;
use crate::sut::{Pair, USUAL, build};

/// What is known of a system before it is started.
pub(super) struct Known {
    profile: Option<Profile>,
    ixit: Ixit,
}

impl Known {
    /// Reads the profile that the command line names, if any.
    ///
    /// # Errors
    /// If it cannot be used, or the command line names too many targets.
    pub(super) fn read(options: &SystemOptions) -> Result<Self, Complaint> {
        if options.target.len() > 2 {
            return Err(Complaint::usage("at most two targets: CSE1, then CSE2"));
        }
        let profile = match (&options.profile, &options.sut) {
            (Some(path), _) => Profile::read(path).map(Some),
            (None, Some(name)) => Profile::shipped(name).map(Some),
            (None, None) => Ok(None),
        };
        let profile = profile.map_err(Complaint::usage)?;
        let ixit = profile.as_ref().map(|profile| profile.ixit.clone());
        Ok(Self {
            ixit: ixit.unwrap_or_default(),
            profile: profile.filter(|profile| profile.name != "reference"),
        })
    }

    /// The system as it would be, without anything being started or asked.
    ///
    /// # Errors
    /// If the profile names no target.
    pub(super) fn described(&self, options: &SystemOptions) -> Result<Sut, Complaint> {
        if !options.target.is_empty() {
            return attached(options);
        }
        let Some(profile) = &self.profile else {
            let name = "the reference CSEs";
            return Ok(Sut::attached(name, Vec::new(), Group::ALL.to_vec()));
        };
        if profile.target.is_empty() && profile.agent.is_none() && profile.registree.is_none() {
            let text = format!("the profile {} names no [[target]]", profile.name);
            return Err(Complaint::usage(text));
        }
        let targets = profile.targets(str::to_owned);
        let groups = profile.ics.groups.clone();
        let mut sut = Sut::attached(&profile.about, targets, groups);
        sut.agent = profile.agent.clone();
        sut.registree = profile.registree.clone();
        Ok(sut)
    }

    /// Whether the reference is meant, which the suite starts as a pair.
    pub(super) const fn is_reference(&self, options: &SystemOptions) -> bool {
        options.target.is_empty() && self.profile.is_none()
    }

    /// Starts the system where the suite does so, and makes sure that somebody is there, if any
    /// of the cases wants to speak to it.
    ///
    /// # Errors
    /// If it cannot be started or reached.
    pub(super) async fn start(
        &self,
        options: &SystemOptions,
        cases: &[&'static Case],
    ) -> Result<Sut, Complaint> {
        let lost = |error: &dyn std::fmt::Display| Complaint::new(exit::UNREACHABLE, error);
        if self.is_reference(options) {
            return reference(options).await;
        }
        let mut sut = self.described(options)?;
        if cases
            .iter()
            .all(|case| run::inapplicable(case, &sut).is_some())
        {
            return Ok(sut);
        }
        if let Some(profile) = &self.profile
            && let Some(start) = &profile.start
        {
            console::say(&format!("Starting {} …", profile.about));
            let place = options.environments.join(&profile.name);
            let place = std::path::absolute(&place).unwrap_or(place);
            let started = Foreign::start(profile, start, &place).await;
            let started = started.map_err(|error| lost(&error))?;
            sut.targets = started.targets();
            sut.foreign = Some(Arc::new(Mutex::new(started)));
        }
        for target in &sut.targets {
            if let Err(error) = contact::greet(target, self.patience(options)).await {
                sut.stop().await;
                return Err(lost(&error));
            }
        }
        Ok(sut)
    }

    /// A plan for these cases.
    pub(super) fn plan(
        &self,
        options: &SystemOptions,
        cases: Vec<&'static Case>,
        sut: Sut,
    ) -> Plan {
        let seed = options.seed.unwrap_or_else(dice::fresh_seed);
        let mut plan = Plan::new(cases, seed, sut);
        plan.jobs = usize::from(options.jobs.or(self.ixit.jobs).unwrap_or(4));
        plan.patience = self.patience(options);
        plan
    }

    fn patience(&self, options: &SystemOptions) -> Duration {
        let patience = options.patience.or(self.ixit.patience_ms);
        Duration::from_millis(patience.unwrap_or(12_000))
    }
}

fn attached(options: &SystemOptions) -> Result<Sut, Complaint> {
    let targets = options.target.iter().enumerate();
    let mut targets: Vec<_> = targets.map(|(place, given)| given.target(place)).collect();
    for target in &mut targets {
        target.authorities.clone_from(&options.authorities);
    }
    let urls: Vec<&str> = targets.iter().map(|target| target.url.as_str()).collect();
    let name = urls.join(" ");
    let generic = Profile::shipped("generic").map_err(Complaint::usage)?;
    Ok(Sut::attached(&name, targets, generic.ics.groups))
}

async fn reference(options: &SystemOptions) -> Result<Sut, Complaint> {
    let lost = |error| Complaint::new(exit::UNREACHABLE, error);
    let program = match &options.reference_bin {
        Some(path) => path.clone(),
        None => {
            let checkout = build::checkout().map_err(lost)?;
            console::say("Building the reference CSE …");
            build::reference(&checkout).await.map_err(lost)?
        }
    };
    let pair = Pair::start(&program, USUAL).await.map_err(lost)?;
    let targets = pair.targets();
    let (one, two) = (&targets[0].url, &targets[1].url);
    console::say(&format!("Started CSE1 at {one} and CSE2 at {two}"));
    let mut sut = Sut::attached("the reference CSEs", targets, Group::ALL.to_vec());
    sut.pair = Some(Arc::new(Mutex::new(pair)));
    sut.agent = Agent::beside(&program);
    sut.registree = Some(Registree::reference(&program));
    Ok(sut)
}
