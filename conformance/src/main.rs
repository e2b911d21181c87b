//! The `conformance` program.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use m2m_conformance::case::{Group, Verdict};
use m2m_conformance::cli::{Cli, Command, RunOptions, exit};
use m2m_conformance::outcome::{self, Outcome};
use m2m_conformance::profile::{Profile, ProfileError};
use m2m_conformance::report::Folder;
use m2m_conformance::run::{Plan, Sut};
use m2m_conformance::sut::foreign::Foreign;
use m2m_conformance::sut::{Pair, USUAL, build};
use m2m_conformance::time::Stamp;
use m2m_conformance::{cases, console, dice, judge, report, run, schema};
use tokio::sync::Mutex;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            error.print().ok();
            return ExitCode::from(if error.use_stderr() {
                exit::USAGE
            } else {
                exit::PASSED
            });
        }
    };
    let code = match cli.command {
        None => play(&[], &cli.options).await,
        Some(Command::Run { cases, options }) => play(&cases, &options).await,
        Some(Command::List { cases }) => select(&cases).map(|cases| {
            console::list(&cases);
            exit::PASSED
        }),
        Some(Command::Explain { case }) => explain(&case),
        Some(Command::Judge { run }) => judge_again(&run).await,
        Some(Command::Schemas { write, folder }) => schemas(write, &folder),
    };
    ExitCode::from(code.unwrap_or_else(|Complaint { text, code }| {
        console::complain(&text);
        code
    }))
}

/// Why the program gives up, and with which exit code.
struct Complaint {
    text: String,
    code: u8,
}

impl Complaint {
    fn new(code: u8, text: impl ToString) -> Self {
        Self {
            text: text.to_string(),
            code,
        }
    }
}

fn select(patterns: &[String]) -> Result<Vec<&'static m2m_conformance::case::Case>, Complaint> {
    cases::select(patterns).map_err(|idle| {
        let idle = idle.join(", ");
        let text = format!("no case matches {idle}; `conformance list` shows all");
        Complaint::new(exit::NOTHING, text)
    })
}

async fn play(patterns: &[String], options: &RunOptions) -> Result<u8, Complaint> {
    let cases = select(patterns)?;
    if options.target.len() > 2 {
        let text = "at most two targets: CSE1, then CSE2";
        return Err(Complaint::new(exit::USAGE, text));
    }
    let seed = options.seed.unwrap_or_else(dice::fresh_seed);
    let folder = Folder::create(&options.report, Stamp::system(), seed)
        .map_err(|error| Complaint::new(exit::OWN_ERROR, error))?;
    if let Some(path) = &options.json {
        report::writable(path).map_err(|error| Complaint::new(exit::OWN_ERROR, error))?;
    }
    let profile = profile(options)?;
    let sut = match system(options, profile.as_ref()).await {
        Ok(sut) => sut,
        Err(complaint) => {
            folder.discard();
            return Err(complaint);
        }
    };
    let ixit = profile.map(|profile| profile.ixit).unwrap_or_default();
    let jobs = options.jobs.or(ixit.jobs).unwrap_or(4);
    let patience = options.patience.or(ixit.patience_ms).unwrap_or(12_000);
    let mut plan = Plan::new(cases, seed, sut);
    plan.jobs = usize::from(jobs);
    plan.patience = Duration::from_millis(patience);
    let progress = console::Progress::new(plan.cases.len());
    let finished = run::run(&plan, |outcome| progress.done(outcome)).await;
    progress.finish();
    let logs = plan.sut.stop().await;
    console::finished(&finished, &plan.sut.name, folder.path());
    let written = folder
        .write(&finished, &plan.sut.name, &logs)
        .and_then(|()| {
            let json = options.json.as_deref();
            json.map_or(Ok(()), |path| {
                report::write_json(path, &finished, &plan.sut.name)
            })
        });
    written.map_err(|error| Complaint::new(exit::OWN_ERROR, error))?;
    Ok(code(&finished.outcomes, finished.lost.is_some()))
}

async fn system(options: &RunOptions, profile: Option<&Profile>) -> Result<Sut, Complaint> {
    if !options.target.is_empty() {
        let targets = options.target.iter().enumerate();
        let targets: Vec<_> = targets.map(|(place, given)| given.target(place)).collect();
        for target in &targets {
            reachable(&target.url).await?;
        }
        let name = targets
            .iter()
            .map(|target| target.url.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        let generic = Profile::shipped("generic").map_err(profile_complaint)?;
        return Ok(Sut {
            name,
            targets,
            groups: generic.ics.groups,
            pair: None,
            foreign: None,
        });
    }
    let unreachable = |error| Complaint::new(exit::UNREACHABLE, error);
    if let Some(profile) = profile
        && profile.name != "reference"
    {
        return foreign(profile, options).await;
    }
    let program = match &options.reference_bin {
        Some(path) => path.clone(),
        None => {
            let checkout = build::checkout().map_err(unreachable)?;
            console::say("Building the reference CSE …");
            build::reference(&checkout).await.map_err(unreachable)?
        }
    };
    let pair = Pair::start(&program, USUAL).await.map_err(unreachable)?;
    let targets = pair.targets();
    console::say(&format!(
        "Started CSE1 at {} and CSE2 at {}",
        targets[0].url, targets[1].url
    ));
    let name = "the reference CSEs".to_owned();
    Ok(Sut {
        name,
        targets,
        groups: Group::ALL.to_vec(),
        pair: Some(Arc::new(Mutex::new(pair))),
        foreign: None,
    })
}

fn profile_complaint(error: ProfileError) -> Complaint {
    Complaint::new(exit::USAGE, error)
}

fn profile(options: &RunOptions) -> Result<Option<Profile>, Complaint> {
    let profile = match (&options.profile, &options.sut) {
        (Some(path), _) => Profile::read(path).map(Some),
        (None, Some(name)) => Profile::shipped(name).map(Some),
        (None, None) => Ok(None),
    };
    profile.map_err(profile_complaint)
}

/// A system that a profile describes.
async fn foreign(profile: &Profile, options: &RunOptions) -> Result<Sut, Complaint> {
    let mut sut = Sut {
        name: profile.about.clone(),
        targets: profile.targets(str::to_owned),
        groups: profile.ics.groups.clone(),
        pair: None,
        foreign: None,
    };
    if let Some(start) = &profile.start {
        console::say(&format!("Starting {} …", profile.about));
        let place = options.environments.join(&profile.name);
        let place = std::path::absolute(&place).unwrap_or(place);
        let started = Foreign::start(profile, start, &place).await;
        let started = started.map_err(|error| Complaint::new(exit::UNREACHABLE, error))?;
        sut.targets = started.targets();
        sut.foreign = Some(Arc::new(Mutex::new(started)));
    }
    if sut.targets.is_empty() {
        let text = format!("the profile {} names no [[target]]", profile.name);
        return Err(Complaint::new(exit::USAGE, text));
    }
    for target in &sut.targets {
        reachable(&target.url).await?;
    }
    Ok(sut)
}

async fn reachable(url: &str) -> Result<(), Complaint> {
    let authority = url.trim_start_matches("ws://");
    let with_port = match authority.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => authority.to_owned(),
        Some(_) | None => format!("{authority}:80"),
    };
    let connect = tokio::net::TcpStream::connect(with_port);
    let why = match tokio::time::timeout(Duration::from_secs(10), connect).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer within 10 s".to_owned(),
    };
    Err(Complaint::new(
        exit::UNREACHABLE,
        format!("cannot reach {url}: {why}; is the CSE running?"),
    ))
}

fn code(outcomes: &[Outcome], lost: bool) -> u8 {
    let lost = lost || unreachable(outcomes);
    let all_inapplicable = outcomes
        .iter()
        .all(|outcome| outcome.verdict == Verdict::NotApplicable);
    match outcome::worst(outcomes) {
        Verdict::Error => exit::OWN_ERROR,
        Verdict::Fail | Verdict::Disputed => exit::FAILED,
        Verdict::Inconclusive | Verdict::Pass if lost => exit::UNREACHABLE,
        Verdict::Inconclusive => exit::INCONCLUSIVE,
        Verdict::Pass | Verdict::PassLenient | Verdict::NotApplicable if all_inapplicable => {
            exit::NOTHING
        }
        Verdict::Pass | Verdict::PassLenient | Verdict::NotApplicable => exit::PASSED,
    }
}

/// No case got an answer: then it is the system that is missing, not a verdict.
fn unreachable(outcomes: &[Outcome]) -> bool {
    let played = outcomes.iter().filter(|outcome| !outcome.events.is_empty());
    let mut played = played.peekable();
    played.peek().is_some() && played.all(|outcome| outcome.unreachable)
}

fn explain(id: &str) -> Result<u8, Complaint> {
    let case = cases::find(&id.to_uppercase()).or_else(|| cases::find(id));
    let case = case.ok_or_else(|| {
        let text = format!("there is no case {id}; `conformance list` shows all");
        Complaint::new(exit::NOTHING, text)
    })?;
    console::explain(case);
    Ok(exit::PASSED)
}

async fn judge_again(folder: &Path) -> Result<u8, Complaint> {
    let judged = judge::judge(folder).await;
    let judged = judged.map_err(|error| Complaint::new(exit::OWN_ERROR, error))?;
    console::judged(&judged.outcomes, judged.same);
    if !judged.same {
        return Ok(exit::FAILED);
    }
    Ok(code(&judged.outcomes, false))
}

fn schemas(write: bool, folder: &Path) -> Result<u8, Complaint> {
    if write {
        let count = schema::write(folder);
        let count = count.map_err(|error| Complaint::new(exit::OWN_ERROR, error))?;
        console::schemas(&format!(
            "{count} schema files written to {}",
            folder.display()
        ));
        return Ok(exit::PASSED);
    }
    let stale = schema::stale();
    if stale.is_empty() {
        console::schemas("The schema files say what the types say.");
        return Ok(exit::PASSED);
    }
    let stale = stale.join(", ");
    let text = format!("{stale} differ from the types; `conformance schemas --write` writes them");
    Err(Complaint::new(exit::FAILED, text))
}
