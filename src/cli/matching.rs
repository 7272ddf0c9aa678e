//! `domu matching`: the engine on standard input, for people who want to check it with their own tools.

use std::fmt::Write as _;
use std::io::BufRead;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Done, Failure, Settings, out, remote};
use crate::matching::matcher::{Matcher, Matching, Rules};
use crate::matching::person::Person;
use crate::matching::population::{Population, index};
use crate::matching::scored::{Algorithm, scored};
use crate::matching::{crowd, quality, schema};
use crate::ops::control::{self, Answer};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Score pairs: a line {"a": person, "b": person} in, a line out
    Score {
        /// Which score
        #[arg(long, value_enum, default_value_t = Named::V3)]
        algorithm: Named,
    },
    /// Print the JSON Schema of what `score` and `rank` read
    Schema,
    /// Suggest people to each other: a person a line in, a pair a line out, best first, then a report
    Rank(Caps),
    /// Suggest the people of this server to each other: what its schedule does, right now
    Run,
    /// Suggest made-up people to each other and print how good that is
    Simulate {
        /// How many
        #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        people: u32,
        /// The same seed makes the same people
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        caps: Caps,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Named {
    /// As the platform before this one did, faults included
    V2,
    /// As this platform does
    V3,
}

#[derive(Debug, Args)]
pub(super) struct Caps {
    /// Suggestions for one person
    #[arg(long, value_name = "COUNT", default_value_t = Rules::default().suggestions_max)]
    top: u8,
    /// Suggestions one person may have open
    #[arg(long, value_name = "COUNT", default_value_t = Rules::default().open_max)]
    open: u8,
    /// The least score that is suggested
    #[arg(long, value_name = "SCORE", default_value_t = Rules::default().score_min, value_parser = share)]
    minimum: f64,
    /// Threads; all processors without it
    #[arg(long, value_name = "COUNT")]
    threads: Option<NonZeroUsize>,
}

fn share(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number")?;
    if (0.0..=1.0).contains(&number) { Ok(number) } else { Err("a score is between 0 and 1".into()) }
}

impl Caps {
    fn rules(&self) -> Rules {
        let threads = self.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
        Rules { suggestions_max: self.top, open_max: self.open, score_min: self.minimum, threads, ..Rules::default() }
    }
}

impl Command {
    pub(super) async fn run(self, settings: &Settings) -> Done {
        match self {
            Self::Run => run(settings).await,
            Self::Score { algorithm } => score(match algorithm {
                Named::V2 => Algorithm::V2,
                Named::V3 => Algorithm::V3,
            }),
            Self::Schema => {
                out::json(&schema::schema());
                Ok(ExitCode::SUCCESS)
            }
            Self::Rank(caps) => rank(caps.rules()),
            Self::Simulate { people, seed, caps } => simulate(people, seed, caps.rules(), settings.json),
        }
    }
}

/// Does something with every line that is not blank. A line that is refused is named, and the command ends with 2.
fn lines(mut each: impl FnMut(usize, Value) -> Result<(), String>) -> Result<bool, Failure> {
    let mut whole = true;
    for (number, line) in (1..).zip(std::io::stdin().lock().split(b'\n')) {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let read = serde_json::from_slice(&line).map_err(|error| format!("no JSON: {error}"));
        if let Err(problem) = read.and_then(|value| each(number, value)) {
            out::error(&format!("domu: line {number}: {problem}"));
            whole = false;
        }
    }
    Ok(whole)
}

fn ended(whole: bool) -> ExitCode {
    if whole { ExitCode::SUCCESS } else { ExitCode::from(2) }
}

fn score(algorithm: Algorithm) -> Done {
    let whole = lines(|_, value| {
        let Value::Object(mut pair) = value else { return Err(r#"not {"a": person, "b": person}"#.into()) };
        let mut person = |key: &str| {
            let value = pair.remove(key).ok_or_else(|| format!("{key} is missing"))?;
            Person::read(value).map_err(|wrong| format!("{key}: {wrong}"))
        };
        let (a, b) = (person("a")?, person("b")?);
        if let Some(stray) = pair.keys().next() {
            return Err(format!("{stray} is neither a nor b"));
        }
        out::say(&scored(algorithm, &a, &b).map_err(|wrong| wrong.to_string())?.to_string());
        Ok(())
    })?;
    Ok(ended(whole))
}

async fn run(settings: &Settings) -> Done {
    let answer = remote::run(settings, control::Command::RunMatching).await?;
    let Answer::Matched(report) = &answer else { return Err(remote::unexpected(&answer)) };
    if settings.json {
        out::json(report);
    } else {
        let row = |name: &str, value: String| [name.to_owned(), value];
        let rows = [
            row("people", report.people.to_string()),
            row("pairs considered", report.considered.to_string()),
            row("suggested", format!("{}, of which {} new", report.suggested, report.created)),
            row("withdrawn", report.withdrawn.to_string()),
            row("put aside", report.quarantined.to_string()),
            row("took", format!("{} ms", report.duration_ms)),
        ];
        out::table(["run", &report.run.to_string()], &rows);
    }
    Ok(ExitCode::SUCCESS)
}

fn rank(rules: Rules) -> Done {
    let (mut people, mut numbers) = (Vec::new(), Vec::new());
    let whole = lines(|number, value| {
        let person = Person::read(value).map_err(|wrong| wrong.to_string())?;
        if person.id.is_empty() {
            return Err("id is missing".into());
        }
        people.push(person);
        numbers.push(number);
        Ok(())
    })?;
    if !whole {
        return Ok(ended(false));
    }
    let population = Population::of(&people).map_err(|(at, wrong)| {
        let number = numbers.get(at).copied().unwrap_or(0);
        Failure::Usage(format!("line {number}: {wrong}"))
    })?;
    let matcher = Matcher::new(population, rules);
    let matching = matcher.run();
    print(&matcher, &matching);
    out::say(&json!({ "report": quality::report(&matcher, &matching) }).to_string());
    Ok(ExitCode::SUCCESS)
}

/// Prints every pair, some thousands at a time.
fn print(matcher: &Matcher, matching: &Matching) {
    let ids = &matcher.population.ids;
    let ranked: Vec<_> = matching.pairs.iter().zip(matcher.ranks(matching)).collect();
    for some in ranked.chunks(4_096) {
        let mut text = String::new();
        for (pair, (rank_a, rank_b)) in some {
            let id = |at: u32| ids.get(index(at)).map_or("", String::as_str);
            let line = json!({
                "a": id(pair.a), "b": id(pair.b), "score": pair.key.score, "rank_a": rank_a, "rank_b": rank_b, "extra": pair.extra,
            });
            let _never_fails = writeln!(text, "{line}").is_ok();
        }
        out::say(text.trim_end());
    }
}

/// What something gives, and the seconds it takes.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed().as_secs_f64())
}

/// The most memory this process has held, in bytes, where the system says so.
fn memory_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// Pairs and people that are looked at for what is too slow to know of all.
const SAMPLES: u32 = 50;

fn simulate(people: u32, seed: u64, rules: Rules, json: bool) -> Done {
    let mut population = Population::default();
    for at in 0..people {
        population.push(&format!("person-{at}"), &crowd::vector(seed, at), 0);
    }
    let (matcher, scored) = timed(|| Matcher::new(population, rules));
    let (matching, matched) = timed(|| matcher.run());
    let (report, checked) = timed(|| quality::report(&matcher, &matching));
    let (mean, worst) = quality::optimum_ratio(&matcher, SAMPLES, seed);
    let samples = index(SAMPLES);
    let (pairs, persons) = quality::recall(&matcher, &matching, rules.suggestions_max.into(), samples, seed);
    let memory = memory_peak();
    if json {
        let mut value = serde_json::to_value(&report).map_err(anyhow::Error::from)?;
        let more = json!({
            "seed": seed, "optimum_ratio": { "mean": mean, "worst": worst }, "crecall": pairs, "srecall": persons,
            "seconds": { "all_pairs": scored, "stable": matched, "check": checked },
            "memory_peak_bytes": memory, "threads": rules.threads,
        });
        if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
            value.extend(more);
        }
        out::json(&value);
        return Ok(ExitCode::SUCCESS);
    }
    let row = |name: &str, value: String| [name.to_owned(), value];
    let mebibytes = memory.map_or("unknown".into(), |bytes| format!("{} MiB", bytes >> 20));
    let rows = [
        row("people", report.people.to_string()),
        row("suggested pairs", format!("{}, of which {} extra", report.pairs, report.extra)),
        row("blocking pairs", report.blocking_pairs.to_string()),
        row("people without a suggestion", report.without.to_string()),
        row("people with at least three", format!("{:.2} %", report.share_with_three * 100.0)),
        row("Gini of being shown", format!("{:.4}", report.gini)),
        row("shown at most", format!("{} times", report.shown_max)),
        row("CRecall: pairs both would pick", format!("{pairs:.4}")),
        row("SRecall: people with all of theirs", format!("{persons:.4}")),
        row("of the optimum, on samples", format!("{mean:.4} mean, {worst:.4} worst")),
        row("all pairs scored", format!("{scored:.2} s")),
        row("stable suggestions", format!("{:.2} s, {} rounds", matched, report.rounds)),
        row("checked again", format!("{checked:.2} s")),
        row("threads", rules.threads.to_string()),
        row("memory at most", mebibytes),
    ];
    out::table(["quality", &format!("seed {seed}")], &rows);
    Ok(ExitCode::SUCCESS)
}
