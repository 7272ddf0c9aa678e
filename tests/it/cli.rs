//! The program as operators run it: commands, exit codes, the control socket.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Generous: a busy machine starts a server slowly.
const PATIENCE: Duration = Duration::from_secs(60);

struct House {
    home: TempDir,
    data: PathBuf,
}

impl House {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        Self { home, data }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_domu"));
        command.env_clear().current_dir(self.home.path()).env("DOMU_DATA_DIR", &self.data).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    /// With something on standard input.
    fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::from(child.wait_with_output().unwrap())
    }

    fn serve(&self) -> Server {
        self.start(&["serve", "--listen", "127.0.0.1:0"])
    }

    fn start(&self, arguments: &[&str]) -> Server {
        let mut child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        while !said.contains("Ctrl-C") {
            if out.read_line(&mut said).unwrap() == 0 {
                let mut log = String::new();
                child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
                panic!("the server did not start:\n{said}{log}");
            }
        }
        Server { child, said }
    }

    fn socket(&self) -> PathBuf {
        self.data.join("control.sock")
    }

    /// Says something on the control socket and returns the answer.
    fn say(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The server may hang up on too long a line before it is said.
        let _hung_up = stream.write_all(bytes).is_err();
        let mut answer = Vec::new();
        let _hung_up = stream.read_to_end(&mut answer).is_err();
        String::from_utf8(answer).unwrap()
    }
}

#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

struct Server {
    child: Child,
    said: String,
}

impl Server {
    /// Asks it to stop and returns its exit code.
    fn stop(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the server did not stop");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_server_tells_what_to_do_answers_operators_and_stops_cleanly() {
    let house = House::new();
    let server = house.serve();
    for want in ["listens on http://127.0.0.1:", "/sign-up", "data/mail", "user verify EMAIL"] {
        assert!(server.said.contains(want), "{want}\n{}", server.said);
    }
    assert_eq!((mode(&house.data), mode(&house.socket())), (0o700, 0o600));

    let health = house.run(&["health"]);
    assert_eq!(health.code, 0, "{health:?}");
    assert!(health.out.starts_with("ok: domu"), "{health:?}");
    let health: serde_json::Value = serde_json::from_str(&house.run(&["health", "--json"]).out).unwrap();
    assert_eq!((&health["ready"], &health["live"]), (&true.into(), &true.into()));

    let status = house.run(&["migrate", "status"]);
    assert!(status.code == 0 && status.out.contains("a server is running"), "{status:?}");
    let nobody = house.run(&["user", "verify", "nobody@example.org"]);
    assert!(nobody.code == 2 && nobody.err.contains("not_found"), "{nobody:?}");
    assert_eq!(house.run(&["verify", "nobody@example.org"]).err, nobody.err, "the short form is the same");
    let ended = house.run(&["session", "revoke", "0198c0de-0000-7000-8000-000000000001"]);
    assert!(ended.code == 1 && ended.out.contains("no such live session"), "{ended:?}");
    assert_eq!(house.run(&["rate-limits", "clear", "rate_limit:*:somebody"]).out, "0 keys are fresh again.\n");
    let somebody = "0198c0de-0000-7000-8000-000000000001";
    assert_eq!(house.run(&["ratelimit", "list", "--user", somebody]).out, "No key is in use.\n");
    let cleared = house.run(&["ratelimit", "clear", "--user", somebody, "--type", "message"]);
    assert_eq!(cleared.out, "0 keys are fresh again.\n");
    assert!(!house.run(&["ratelimit", "clear"]).err.is_empty(), "not everything by mistake");
    assert!(house.run(&["rate-limits", "peek", "message:somebody"]).err.contains("rate_limit:{type}:"));

    assert_eq!(server.stop(), Some(0));
    assert!(!house.socket().exists());
}

#[test]
fn without_a_server_commands_open_the_directory_themselves() {
    let house = House::new();
    let nobody = house.run(&["user", "suspend", "nobody@example.org", "--reason", "x"]);
    assert!(nobody.code == 2 && nobody.err.contains("not_found"), "{nobody:?}");
    assert_eq!(house.run(&["migrate", "status"]).out, "The schema is up to date.\n");
    let run: Value = serde_json::from_str(&house.run(&["matching", "run", "--json"]).out).unwrap();
    assert_eq!((&run["people"], &run["suggested"]), (&json!(0), &json!(0)), "{run}");
    assert_eq!(house.run(&["backfill", "vectors"]).out, "0 made, 0 as they should be, 0 malformed, of 0 people.\n");
    for limits_live_in_the_server in [["rate-limits", "list"].as_slice(), &["health"]] {
        let ran = house.run(limits_live_in_the_server);
        assert!(ran.code == 1 && ran.err.contains("no server is running"), "{ran:?}");
    }
}

#[test]
fn two_servers_never_share_a_directory() {
    let house = House::new();
    let server = house.serve();
    let second = house.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(second.code == 1 && second.err.contains("domu.lock"), "{second:?}");
    let up = house.run(&["migrate", "up"]);
    assert!(up.code == 1 && up.err.contains("domu.lock"), "{up:?}");
    assert_eq!(house.run(&["health"]).code, 0, "the first one did not notice");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn what_a_killed_server_left_does_not_stop_the_next() {
    let house = House::new();
    drop(house.serve());
    assert!(house.socket().exists(), "a killed server leaves its socket");
    let health = house.run(&["health"]);
    assert!(health.code == 1 && health.err.contains("no server is running"), "{health:?}");
    let server = house.serve();
    assert_eq!(house.run(&["health"]).code, 0);
    assert_eq!(server.stop(), Some(0));
}

/// The address of a Unix socket holds 107 bytes; a data directory may be deeper.
#[test]
fn a_deep_data_directory_has_a_control_socket_too() {
    let mut house = House::new();
    house.data = house.home.path().join("d".repeat(120)).join("e".repeat(120));
    let server = house.serve();
    assert_eq!(house.run(&["health"]).code, 0);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn nonsense_on_the_control_socket_is_refused_and_forgotten() {
    let house = House::new();
    let server = house.serve();
    let idle: Vec<_> = (0..20).map(|_| UnixStream::connect(house.socket()).unwrap()).collect();
    drop(idle);
    let long = [vec![b'x'; 1024 * 1024], b"\n".to_vec()].concat();
    for bytes in [
        b"nonsense\n".as_slice(),
        b"{\"do\":\"shut_down\"}\n",
        b"{\"do\":\"verify\",\"email\":\"a@b.nl\",\"x\":1}\n",
        b"\xff\xfe\n",
    ] {
        let answer = house.say(bytes);
        assert!(answer.contains("bad_request"), "{answer}");
    }
    let answer = house.say(&long);
    assert!(answer.is_empty() || answer.contains("bad_request"), "{answer}");
    assert!(house.say(b"{\"do\":\"health\"}\n").contains("\"ready\":true"));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn wrong_settings_end_with_2_and_are_all_listed() {
    let house = House::new();
    fs::write(house.home.path().join("domu.toml"), "listn = 'x'\n[limits]\nmessage_chars_max = 0\n").unwrap();
    for command in ["serve", "check-config", "health"] {
        let ran = house.run(&[command, "--set", "limits.ping_interval=1s"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        for want in ["3 settings are wrong", "Did you mean listen?", "is too small", "limits.pong_timeout is 10s"] {
            assert!(ran.err.contains(want), "{want}\n{}", ran.err);
        }
    }
    assert!(!house.data.exists());
}

#[test]
fn checking_and_explaining_leave_no_trace() {
    let house = House::new();
    let ran = house.run(&["check-config", "--set", "limits.message_chars_max=2000"]);
    assert!(ran.code == 0 && ran.out.contains("flag --set limits.message_chars_max"), "{ran:?}");
    let rows: serde_json::Value = serde_json::from_str(&house.run(&["check-config", "--json"]).out).unwrap();
    let explained: serde_json::Value = serde_json::from_str(&house.run(&["explain-config", "--json"]).out).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), explained.as_array().unwrap().len());
    assert!(house.run(&["explain-config"]).out.contains("limits.message_chars_max"));
    assert!(!house.data.exists());
}

#[test]
fn a_demo_keeps_to_a_directory_of_its_own() {
    let house = House::new();
    fs::create_dir(&house.data).unwrap();
    fs::write(house.data.join("domu.db"), "people").unwrap();
    let data = house.data.to_str().unwrap();
    let refused = house.run(&["demo", "--fresh", "--data-dir", data]);
    assert!(refused.code == 1 && refused.err.contains("nothing was touched"), "{refused:?}");
    assert_eq!(fs::read(house.data.join("domu.db")).unwrap(), b"people");

    let demo = house.start(&["demo", "--listen", "127.0.0.1:0"]);
    assert!(demo.said.contains("listens on http://127.0.0.1:"), "{}", demo.said);
    assert!(house.home.path().join("data-demo/domu.db").exists());
    assert_eq!(demo.stop(), Some(0));
}

#[test]
fn texts_are_screened_line_by_line() {
    let house = House::new();
    let screen = |lines: &str| {
        let mut command = house.command(&["moderate"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        Ran::from(child.wait_with_output().unwrap())
    };
    let ran = screen("{\"text\":\"kamer 650.50\"}\n{\"text\":\"12345678\",\"history\":[\"06\"]}\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], r#"{"action":"allow","violations":[],"rules":[]}"#);
    assert!(
        lines[1].starts_with(r#"{"action":"reject","violations":["phone"],"rules":[{"id":"phone.nl_mobile","#),
        "{lines:?}"
    );
    let bad = screen("{\"text\":\"hoi\"}\n{\"texts\":1}\n");
    assert_eq!(bad.code, 2);
    assert!(bad.err.contains("line 2, column 11: missing field `text`"), "{}", bad.err);
}

#[test]
fn pairs_are_scored_from_standard_input_and_bad_lines_are_named() {
    let house = House::new();
    let lines = concat!(
        r#"{"a": {"answers": {"M4_Q1": "clean_high", "M4_Q12": 5}}, "b": {"answers": {"M4_Q1": "clean_medium", "M4_Q12": 4}}}"#,
        "\n\n",
        r#"{"a": {"answers": {"M4_Q1": 3}}, "b": {}}"#,
        "\n",
        r#"{"a": {}}"#,
        "\nnonsense\n",
        r#"{"a": {"cohort": "professional"}, "b": {}}"#,
    );
    let ran = house.run_with(&["matching", "score", "--algorithm", "v2"], lines);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let results: Vec<serde_json::Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(results.len(), 2);
    assert_eq!(results[0]["dimensions"]["cleanliness"], 0.328_125);
    assert_eq!(results[0]["fit"], 46);
    for named in ["line 3: a: M4_Q1 takes one of clean_low", "line 4: b is missing", "line 5: no JSON"] {
        assert!(ran.err.contains(named), "{}", ran.err);
    }
    let ran = house.run_with(&["matching", "score"], lines);
    assert!(ran.err.contains("line 6: cohort:"), "{}", ran.err);
    let result: serde_json::Value = serde_json::from_str(ran.out.trim()).unwrap();
    let sum: f64 = result["parts"].as_array().unwrap().iter().map(|part| part["contribution"].as_f64().unwrap()).sum();
    assert!((sum - result["overall"].as_f64().unwrap()).abs() < 1e-9 && sum > 0.0);
    assert!(!house.data.exists());
}

#[test]
fn people_are_suggested_to_each_other_from_standard_input() {
    let house = House::new();
    let person = |id: &str, city: &str| {
        let answers =
            r#""M4_Q1": "clean_high", "M4_Q12": 5, "M2_Q1": 3, "M6_Q9": 4, "M5_Q1": "host_weekly", "M5_Q5": 4"#;
        format!(r#"{{"id": "{id}", "cities": ["{city}"], "answers": {{{answers}}}}}"#)
    };
    let people = [person("a", "Delft"), person("b", "delft"), person("c", "Leiden")].join("\n");
    let ran = house.run_with(&["matching", "rank", "--minimum", "0.01", "--threads", "2"], &people);
    let lines: Vec<serde_json::Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((ran.code, lines.len()), (0, 2), "{} {}", ran.out, ran.err);
    let pair = ["a", "b", "rank_a", "rank_b", "extra"].map(|key| lines[0][key].clone());
    assert_eq!(serde_json::json!(pair), serde_json::json!(["a", "b", 1, 1, false]));
    assert_eq!(lines[1]["report"]["blocking_pairs"], 0);
    assert_eq!(lines[1]["report"]["empties"][0], serde_json::json!({ "id": "c", "hurdle": "city", "removed": 2 }));
    for (stray, named) in [
        (person("a", "Delft"), "line 4: id: \"a\" is there twice"),
        (person("d", "Atlantis"), "line 4: cities: Atlantis is not one of"),
        (person("", "Delft"), "line 4: id is missing"),
    ] {
        let ran = house.run_with(&["matching", "rank"], &format!("{people}\n{stray}"));
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.err.contains(named), "{}", ran.err);
    }
    let ran = house.run(&["matching", "simulate", "--people", "300", "--seed", "4", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&report["people"], &report["blocking_pairs"]), (&300.into(), &0.into()));
    let schema: serde_json::Value = serde_json::from_str(&house.run(&["matching", "schema"]).out).unwrap();
    assert_eq!(schema["$defs"]["person"]["properties"]["answers"]["properties"]["M2_Q1"]["maximum"], 5);
}

#[test]
fn jobs_are_listed_and_run_with_and_without_a_server() {
    let house = House::new();
    let ran = house.run(&["jobs", "run", "retention"]);
    assert!(ran.code == 0 && ran.out.contains("retention ended: ok"), "{}{}", ran.out, ran.err);
    let server = house.serve();
    let ran = house.run(&["jobs", "run", "audit-proof", "--reason", "to see that it works"]);
    assert!(ran.code == 0 && ran.out.contains("audit-proof ended: ok"), "{}{}", ran.out, ran.err);
    let ran = house.run(&["jobs", "run", "nothing"]);
    assert!(ran.code == 2 && ran.err.contains("no such job"), "{}{}", ran.out, ran.err);
    let ran = house.run(&["jobs", "list"]);
    let ran_before = |job: &str| ran.out.lines().any(|line| line.starts_with(job) && !line.contains("never"));
    assert!(ran.code == 0 && ran.out.contains("30 * * * *"), "{}{}", ran.out, ran.err);
    assert!(ran_before("retention") && ran_before("audit-proof") && !ran_before("match"), "{}", ran.out);
    drop(server);
    fs::write(
        house.data.join("vercel.json"),
        "{\n\"crons\": [{\"path\": \"/api/cron/x\", \"schedule\": \"* * * * *\"}]}",
    )
    .unwrap();
    let ran = house.run(&["jobs", "list"]);
    assert!(
        ran.code == 1 && ran.err.contains("vercel.json: line 2: the path \"/api/cron/x\""),
        "{}{}",
        ran.out,
        ran.err
    );
}
