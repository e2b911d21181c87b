//! The command line.

use crate::bench;
use crate::catalogue;
use crate::deep::{self, Bounds};
use crate::diagram::{self, Format};
use crate::explore;
use crate::interrupt;
use crate::ladder;
use crate::literal;
use crate::liveness::Promise;
use crate::pinned;
use crate::properties;
use crate::report::{self, Progress};
use crate::sabotage;
use crate::scenarios::{self, Scenario};
use crate::search::{self, How, Outcome};
use crate::stored;
use crate::sweep::{self, Until};
use crate::teeth;
use crate::wander;
use crate::world::World;
use clap::{Parser, Subcommand};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Searches every interleaving of oneM2M service sessions for counterexamples.
///
/// Without a command: checks every default scenario, exhaustively, and prints a row for each: how large it is, and the
/// identifiers of the requirements that hold in it. `list` says what there is.
#[derive(Debug, Parser)]
#[command(name = "model", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Writes the results as JSON.
    #[arg(long, global = true, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Takes over what is pinned, after a change that moves it on purpose: how many states the searched scenarios
    /// have, or with `teeth` the kill matrix.
    #[arg(long, global = true)]
    accept: bool,
}

const EXAMPLES: &str = "\
Examples:
  model check establish glare            two scenarios, with the shortest counterexample of what breaks
  model check establish --without EST-14 what a rule is for: switch it off and read what goes wrong
  model trace END-11                     how two terminations that cross come to an end, as a ladder diagram
  model graph glare --by CSE2 | dot -Tsvg > glare.svg
  model random deep --seed 7             a walk through a world that is too large to search whole

Exit status: 0 all is well, 1 something is broken, has no witness or is unfinished, 2 wrong usage.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the scenarios and what they look at.
    List,
    /// Checks some scenarios, and shows the shortest counterexamples.
    Check {
        /// Their names.
        #[arg(required = true)]
        names: Vec<String>,
        /// Switches the rule of this requirement off and shows what breaks.
        #[arg(long, value_name = "ID")]
        without: Option<String>,
        /// Writes the first counterexample, for `show`.
        #[arg(long, value_name = "PATH")]
        export: Option<PathBuf>,
    },
    /// Shows the shortest way to the situation that a property speaks of.
    Trace {
        /// Its identifier.
        property: String,
    },
    /// Opens a scenario in Stateright's Explorer, to walk through it by hand in a browser.
    Explore {
        /// The name of the scenario.
        name: String,
        /// Where the browser finds it.
        #[arg(long, default_value = "localhost:3000")]
        address: String,
    },
    /// Reads the flows to the letter: shows their fifteen holes, each with the rule that closes it.
    Literal,
    /// Sets every built-in defect loose and prints which properties notice it: the kill matrix.
    Teeth,
    /// Walks through a scenario at random; the same seed takes the same walk everywhere.
    Random {
        /// The name of the scenario; `deep` is one that is too large to search whole.
        name: String,
        /// Where the dice begin.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many steps.
        #[arg(long, default_value_t = 100_000)]
        steps: u64,
    },
    /// Draws the state diagram of a scenario, as DOT or Mermaid.
    ///
    /// All states that look alike become one: by default those in which every CSE is in the same phase of its
    /// sessions. In DOT dashed arrows are only taken because of faults, and the box that a search begins in is bold.
    Graph {
        /// The name of the scenario.
        name: String,
        /// What states are told apart by: cses, everyone, links, or one node by its name, such as AE2.
        #[arg(long, default_value = "cses", value_name = "WHAT")]
        by: String,
        /// How it is written.
        #[arg(long, value_enum, default_value = "dot")]
        format: Format,
    },
    /// Searches a world that is too large for a default run, depth first, in little memory, up to a bound.
    ///
    /// It keeps eight bytes of each state, ends where it is told to end, and says so: a bounded search proves nothing.
    /// It succeeds when it has looked at as many states as were wanted, or at all there are, and nothing is broken.
    Deep {
        /// The name of the scenario.
        #[arg(default_value = "deep")]
        name: String,
        /// Ends after so many unique states.
        #[arg(long, default_value_t = 50_000_000, value_parser = clap::value_parser!(u32).range(1..))]
        states: u32,
        /// Ends before it occupies more memory than this, in GiB.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1024))]
        memory: u64,
        /// Ends after so many minutes.
        #[arg(long, default_value_t = 45)]
        minutes: u64,
    },
    /// Measures the search: unique states a second and bytes for each, beside a small Paxos on Stateright's actors.
    Bench {
        /// The names of the scenarios; none: a large one of each chapter.
        names: Vec<String>,
        /// Measures this one in this process; `bench` starts itself so.
        #[arg(long, hide = true, value_name = "NAME")]
        measure: Option<String>,
    },
    /// Shows a counterexample that was written before.
    Show {
        /// The file.
        path: PathBuf,
    },
}

/// Something that must hold does not, or a search is unfinished.
const BROKEN: u8 = 1;
/// The command line asks for something that there is not.
const USAGE: u8 = 2;

/// Runs the program.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let json = arguments.json.as_deref();
    // The Explorer has nothing that could be unfinished.
    if !matches!(arguments.command, Some(Command::Explore { .. })) {
        interrupt::watch();
    }
    let result = match arguments.command {
        None => {
            let all = scenarios::all().filter(|s| s.by_default);
            check(all, How::Everything, json, arguments.accept, None)
        }
        Some(Command::List) => Ok(list()),
        Some(Command::Check {
            names,
            without,
            export,
        }) => named(&names).and_then(|found| match without {
            None => check(
                found.into_iter(),
                How::Shortest,
                json,
                arguments.accept,
                export.as_deref(),
            ),
            Some(id) => ablate(&found, &id, export.as_deref()),
        }),
        Some(Command::Trace { property }) => trace(&property),
        Some(Command::Explore { name, address }) => explore(&name, &address),
        Some(Command::Literal) => literal::run(json),
        Some(Command::Teeth) => teeth::run(json, arguments.accept),
        Some(Command::Random { name, seed, steps }) => {
            scenario(&name).map(|scenario| wander::run(scenario, seed, steps))
        }
        Some(Command::Graph { name, by, format }) => scenario(&name)
            .and_then(|scenario| diagram::draw(scenario, &by, format))
            .map(|text| {
                report::line(text.trim_end());
                true
            }),
        Some(Command::Deep {
            name,
            states,
            memory,
            minutes,
        }) => scenario(&name).and_then(|scenario| {
            let bounds = Bounds {
                states: states as usize,
                memory: memory << 30,
                time: Duration::from_secs(60 * minutes),
            };
            deep::run(scenario, bounds, json)
        }),
        Some(Command::Bench { names, measure }) => match measure {
            Some(name) => bench::measure(&name),
            None => bench::run(&names, json),
        },
        Some(Command::Show { path }) => stored::show(&path),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(BROKEN),
        Err(why) => {
            report::complain(&why);
            ExitCode::from(USAGE)
        }
    }
}

fn list() -> bool {
    for scenario in scenarios::all() {
        let default = if scenario.by_default {
            ""
        } else {
            " (not by default)"
        };
        report::line(&format!("{}{default}", scenario.name));
        report::line(&format!("    {}", scenario.about));
        report::line(&format!("    {}", scenario.topology.about));
        let promises = scenario.promises.iter().map(Promise::id);
        let ids: Vec<&str> = scenario
            .properties
            .iter()
            .copied()
            .chain(promises)
            .collect();
        report::line(&format!("    {}", ids.join(" ")));
    }
    true
}

fn scenario(name: &str) -> Result<&'static Scenario, String> {
    scenarios::by_name(name)
        .ok_or_else(|| format!("there is no scenario {name}; `list` shows them"))
}

fn named(names: &[String]) -> Result<Vec<&'static Scenario>, String> {
    names.iter().map(|name| scenario(name)).collect()
}

fn searched(scenario: &'static Scenario, how: How) -> Outcome {
    let mut progress = Progress::of(scenario.name);
    let outcome = search::scenario(scenario, how, &mut |unique, states, depth, took| {
        progress.show(unique, states, depth, took);
    });
    progress.end();
    outcome
}

fn check(
    scenarios: impl Iterator<Item = &'static Scenario>,
    how: How,
    json: Option<&Path>,
    accept: bool,
    export: Option<&Path>,
) -> Result<bool, String> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    report::head();
    for scenario in scenarios {
        let outcome = searched(scenario, how);
        report::row(&outcome);
        report::failures(&outcome);
        if let Some(path) = export.filter(|_| outcomes.iter().all(report::is_good)) {
            write_first(path, &outcome)?;
        }
        outcomes.push(outcome);
        if interrupt::came() {
            report::line("interrupted: what comes after this was not searched");
            break;
        }
    }
    let unique: usize = outcomes.iter().map(|o| o.unique).sum();
    let transitions: usize = outcomes.iter().map(|o| o.transitions).sum();
    let seconds: f64 = outcomes.iter().map(|o| o.took.as_secs_f64()).sum();
    report::line(&format!(
        "{} scenarios, {unique} unique states, {transitions} transitions, {seconds:.0} s",
        outcomes.len()
    ));
    let coverage = catalogue::coverage();
    let with_saboteur = teeth::with_saboteur().len();
    report::line(&format!(
        "catalogue: {} properties, {} formalised, {} shown elsewhere, {with_saboteur} with a saboteur",
        coverage.total, coverage.formalised, coverage.elsewhere
    ));
    if !coverage.open.is_empty() {
        report::line(&format!("    not yet: {}", coverage.open.join(" ")));
    }
    let all_hold = outcomes.iter().all(report::is_good);
    let same = if accept && all_hold {
        pinned::accept(&outcomes)?;
        true
    } else {
        pinned::compare(&outcomes)
    };
    if let Some(path) = json {
        let witnessed: BTreeSet<&str> = outcomes
            .iter()
            .flat_map(|o| o.witnessed.iter().map(|(p, _)| p.id()))
            .collect();
        let rows: Vec<_> = outcomes.iter().map(report::as_json).collect();
        let value = json!({
            "scenarios": rows,
            "catalogue": {
                "total": coverage.total,
                "formalised": coverage.formalised,
                "shown_elsewhere": coverage.elsewhere,
                "witnessed": witnessed.len(),
                "with_saboteur": with_saboteur,
            },
        });
        let text = format!("{value:#}\n");
        std::fs::write(path, text)
            .map_err(|why| format!("failed to write {}: {why}", path.display()))?;
    }
    Ok(all_hold && same)
}

fn ablate(found: &[&'static Scenario], id: &str, export: Option<&Path>) -> Result<bool, String> {
    let mut all_hold = true;
    for scenario in found {
        let defects = sabotage::against(id, scenario.name);
        if defects.is_empty() {
            let known: Vec<&str> = sabotage::breakable().into_iter().collect();
            return Err(format!(
                "no defect switches {id} off; there is one for {}",
                known.join(" ")
            ));
        }
        let mut holds = true;
        for saboteur in &defects {
            if let Some(outcome) = without(scenario, saboteur, id) {
                report::failures(&outcome);
                if let Some(path) = export.filter(|_| all_hold) {
                    write_first(path, &outcome)?;
                }
                holds = false;
                break;
            }
        }
        if holds {
            let homes: BTreeSet<&str> = defects.iter().map(|s| s.scenario).collect();
            let homes: Vec<&str> = homes.into_iter().collect();
            report::line(&format!(
                "{id} holds in {} even so, because what it forbids does not occur there; it breaks in {}",
                scenario.name,
                homes.join(" ")
            ));
        }
        all_hold &= holds;
    }
    Ok(all_hold)
}

/// What a defect breaks of one requirement in a scenario, if it does.
fn without(
    scenario: &'static Scenario,
    saboteur: &'static sabotage::Saboteur,
    id: &str,
) -> Option<Outcome> {
    report::line(&format!(
        "{} without {id}: {}",
        scenario.name, saboteur.name
    ));
    let mut progress = Progress::of(scenario.name);
    let outcome = search::sabotaged(
        scenario,
        saboteur,
        &[id],
        How::Shortest,
        &mut |unique, states, depth, took| progress.show(unique, states, depth, took),
    );
    progress.end();
    let lassos = report::lassos(&outcome).iter();
    let breaks = !outcome.broken.is_empty() || lassos.into_iter().any(|(p, _)| p.id() == id);
    breaks.then_some(outcome)
}

/// Writes the first counterexample, if there is one.
fn write_first(path: &Path, outcome: &Outcome) -> Result<(), String> {
    let world = &outcome.world;
    if let Some((name, actions)) = outcome.broken.first() {
        return stored::write(path, world, name, actions, None);
    }
    match report::lassos(outcome).first() {
        Some((promise, lasso)) => {
            stored::write(path, world, promise.name(), &lasso.stem, Some(&lasso.round))
        }
        None => Ok(()),
    }
}

fn trace(id: &str) -> Result<bool, String> {
    let scenario = scenarios::all()
        .find(|scenario| scenario.properties.contains(&id))
        .ok_or_else(|| format!("no scenario looks at {id}"))?;
    let world = World::new(scenario, None, properties::of(&[id]));
    let property = world
        .properties
        .first()
        .ok_or_else(|| format!("there is no property {id}"))?;
    report::line(&format!("{} in {}", property.name, scenario.name));
    let swept = sweep::sweep(&world, Until::Occurs, None, &mut |_, _, _, _| {});
    match swept.witnessed.first().copied().flatten() {
        Some(number) => {
            report::line(&ladder::draw(&world, &swept.way(&world, number)));
            Ok(true)
        }
        None => {
            report::line(&format!(
                "its situation does not occur in {} states",
                swept.unique
            ));
            Ok(false)
        }
    }
}

fn explore(name: &str, address: &str) -> Result<bool, String> {
    let scenario = scenario(name)?;
    let world = World::new(scenario, None, properties::of(scenario.properties));
    report::line(&format!(
        "http://{address} shows {name}; it ends with ctrl-c"
    ));
    explore::serve(world, address);
    Ok(true)
}
