//! Reads the mails that a server without SMTP writes into its data directory.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::client::PATIENCE;

/// Waits for a mail to this person and returns the six digits in it. The newest mail counts.
pub async fn code_for(data_dir: &Path, address: &str) -> String {
    let began = Instant::now();
    loop {
        let found = mails_to(data_dir, address).into_iter().rev().find_map(|text| six_digits(&text));
        if let Some(code) = found {
            return code;
        }
        assert!(began.elapsed() < PATIENCE, "no mail with a code for {address} in {}", data_dir.display());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// The token of the link in the newest mail to this person.
pub fn token_for(data_dir: &Path, address: &str) -> String {
    let newest = mails_to(data_dir, address).pop().unwrap_or_else(|| panic!("no mail to {address}"));
    let link = newest.lines().find_map(|line| line.split_once("#token="));
    link.unwrap_or_else(|| panic!("no link in {newest}")).1.to_owned()
}

/// The texts of all mails to this person, oldest first.
pub fn mails_to(data_dir: &Path, address: &str) -> Vec<String> {
    let mut files: Vec<(std::time::SystemTime, PathBuf)> = Vec::new();
    collect(&data_dir.join("mail"), &mut files);
    files.sort();
    files
        .into_iter()
        .filter_map(|(_, path)| std::fs::read_to_string(path).ok())
        .filter(|text| {
            text.lines()
                .take_while(|line| !line.is_empty())
                .any(|line| line.to_ascii_lowercase().starts_with("to:") && line.contains(address))
        })
        .collect()
}

fn collect(dir: &Path, files: &mut Vec<(std::time::SystemTime, PathBuf)>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "eml")
            && let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified())
        {
            files.push((modified, path));
        }
    }
}

/// The first run of exactly six digits in the body.
fn six_digits(mail: &str) -> Option<String> {
    let body = mail.split_once("\r\n\r\n").or_else(|| mail.split_once("\n\n")).map_or(mail, |(_, body)| body);
    body.split(|letter: char| !letter.is_ascii_alphanumeric())
        .find(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned)
}
