//! `domu demo`: a server with seeded people, in a directory of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, ensure};
use clap::Args;

use super::serve::{reachable, until_told};
use super::{Done, Settings, out};
use crate::app::Setup;
use crate::config::{Loaded, Mode, SecretsPolicy, make_directory};
use crate::demo::Size;

/// The file that says a directory is a demo's and may be thrown away.
const MARKER: &str = "this-is-a-demo";

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The world that is seeded: the same number, the same people and talk
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// small: sixty people; large: 100,000 people and five million messages; or how many people, with fifty messages each
    #[arg(long, value_name = "SIZE", default_value = "small")]
    size: Size,
    /// Throw the demo's directory away first
    #[arg(long)]
    fresh: bool,
}

impl Demo {
    pub(super) async fn run(self, loaded: Loaded, settings: &Settings) -> Done {
        let directory = loaded.config.data_dir.clone();
        prepare(&directory, self.fresh)?;
        let config = settings.load(Mode::Demo, SecretsPolicy::Make)?.config;
        let setup = Setup { demo_seed: self.seed, demo_size: self.size, ..Setup::default() };
        until_told(config, setup, |running, addr, config| {
            let demo = running.house.services.demo.as_ref();
            let links = demo.map(|demo| links(demo, addr.port())).unwrap_or_default();
            out::say(&welcome(addr, &links, &config.data_dir));
        })
        .await
    }
}

/// Makes the directory and marks it; refuses one that holds something else.
fn prepare(directory: &Path, fresh: bool) -> anyhow::Result<()> {
    let marker = directory.join(MARKER);
    let empty = match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => true,
    };
    ensure!(
        empty || marker.exists(),
        "{} is not the directory of a demo: nothing was touched. Choose another with --data-dir",
        directory.display()
    );
    if fresh && !empty {
        let lock = directory.join("control.sock");
        let running = std::os::unix::net::UnixStream::connect(&lock).is_ok();
        ensure!(!running, "a demo is running in {}: stop it first", directory.display());
        fs::remove_dir_all(directory).with_context(|| format!("throwing away {}", directory.display()))?;
    }
    make_directory(directory).with_context(|| format!("making {}", directory.display()))?;
    fs::write(&marker, "domu demo --fresh throws this directory away.\n")
        .with_context(|| format!("writing {}", marker.display()))
}

struct Link {
    name: String,
    university: String,
    url: String,
}

/// A link for each person. The first two are on origins of their own, so that one browser can be both.
fn links(demo: &crate::demo::Demo, port: u16) -> Vec<Link> {
    let hosts = ["127.0.0.1", "localhost"].into_iter().cycle();
    let link = |(person, host): (&crate::demo::Person, &str)| Link {
        name: format!("{} {}", person.first_name, person.last_name),
        university: person.university.clone(),
        url: format!("http://{host}:{port}/demo?as={}", demo.token(person.user)),
    };
    demo.people().iter().zip(hosts).map(link).collect()
}

/// How many links are printed beside the first two.
const MORE: usize = 10;

fn welcome(addr: SocketAddr, links: &[Link], directory: &Path) -> String {
    let mut lines = vec![format!("The demo listens on http://{}", reachable(addr)), String::new()];
    let (leads, others) = links.split_at_checked(2).unwrap_or((links, &[]));
    for Link { name, university, url } in leads {
        lines.extend([format!("Be {name} ({university}):"), format!("  {url}")]);
    }
    lines.extend([String::new(), "Open both in one browser, side by side: they are different sites to it.".into()]);
    if !others.is_empty() {
        lines.push(format!("More people ({} in all):", links.len()));
        lines.extend(others.iter().take(MORE).map(|link| format!("  {}: {}", link.name, link.url)));
    }
    lines.extend([
        "To be one of them on the other site, write localhost for 127.0.0.1 in a link, or open a private window."
            .into(),
        String::new(),
        format!("Everything is in {}; domu demo --fresh begins anew. Stop with Ctrl-C.", directory.display()),
    ]);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demos_own_directory_is_thrown_away() {
        let home = tempfile::tempdir().unwrap();
        let demo = home.path().join("demo");
        prepare(&demo, true).unwrap();
        fs::write(demo.join("domu.db"), "old").unwrap();
        prepare(&demo, false).unwrap();
        assert!(demo.join("domu.db").exists());
        prepare(&demo, true).unwrap();
        assert!(!demo.join("domu.db").exists());

        let real = home.path().join("real");
        fs::create_dir(&real).unwrap();
        fs::write(real.join("domu.db"), "people").unwrap();
        for fresh in [false, true] {
            assert!(prepare(&real, fresh).unwrap_err().to_string().contains("nothing was touched"));
        }
        assert!(real.join("domu.db").exists());
    }
}
