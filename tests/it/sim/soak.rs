//! `domu bench soak`, so short that only its workings are tried: whether memory is flat is for a run of minutes.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_short_soak_goes_without_an_error() {
    let line = "bench soak --sockets 200 --minutes 0.15 --churn 0.2 --every 1 --slope-max 1000 --restart --json";
    let ran = Command::new(env!("CARGO_BIN_EXE_domu")).args(line.split_whitespace()).output().expect("domu");
    let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    println!("{said}");
    assert!(ran.status.success(), "{said}\n{complained}");
    let answer: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).expect("a verdict");
    for what in ["delivered", "resumed", "answered", "left", "broke off", "stalled", "sent away"] {
        assert!(answer["counts"][what].as_u64().is_some_and(|count| count > 0), "{what} never happened: {answer}");
    }
    assert_eq!(answer["errors"], serde_json::json!({}));
}
