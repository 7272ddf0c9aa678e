//! The processes that are measured: each on the first core, in a directory of its own, killed when dropped.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::load::sys;

/// The core of the server and the core of everything else.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// The server's.
    pub server: usize,
    /// The load generator's.
    pub client: usize,
}

impl Cores {
    /// The first and the last core this process may use.
    pub fn find() -> anyhow::Result<Self> {
        let all = sys::cores();
        let (Some(server), Some(client)) = (all.first(), all.last()) else { bail!("no core may be used") };
        ensure!(server != client, "a server and a load generator need a core each; this machine has one");
        Ok(Self { server: *server, client: *client })
    }
}

/// A running server.
pub struct Server {
    child: Child,
    /// Kept, so that what it says finds a reader.
    _says: Option<BufReader<ChildStdout>>,
    /// Where it listens.
    pub port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill().is_err();
        let _reaped = self.child.wait().is_err();
    }
}

/// How long a server may take to stop.
const STOP_PATIENCE: Duration = Duration::from_secs(60);

impl Server {
    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    /// It does not stop, or not in order.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.pid().to_string();
        ensure!(
            Command::new("kill").args(["-TERM", &pid]).status()?.success(),
            "the server could not be asked to stop"
        );
        let asked = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server ended with {status}");
                return Ok(());
            }
            ensure!(asked.elapsed() < STOP_PATIENCE, "the server does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts this program with other arguments on the server's core, and waits until it says where it listens.
    pub fn start(arguments: &[String], core: usize) -> anyhow::Result<Self> {
        let mut command = this_program()?;
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = on_core(&mut command, core).spawn().context("starting a server")?;
        let complaints = child.stderr.take();
        let drained = std::thread::spawn(move || {
            let mut last = String::new();
            for line in complaints.into_iter().flat_map(|from| BufReader::new(from).lines()).map_while(Result::ok) {
                if last.len() < 4_000 {
                    last.push_str(&line);
                    last.push('\n');
                }
            }
            last
        });
        let mut says = child.stdout.take().map(BufReader::new);
        let mut port = None;
        let mut line = String::new();
        while let Some(from) = &mut says {
            line.clear();
            if port.is_some() || from.read_line(&mut line)? == 0 {
                break;
            }
            port = port_in(&line);
        }
        match port {
            Some(port) => Ok(Self { child, _says: says, port }),
            None => {
                let _ended_already = child.kill().is_err();
                child.wait()?;
                bail!("a server did not start: {}", drained.join().unwrap_or_default())
            }
        }
    }
}

fn port_in(line: &str) -> Option<u16> {
    let (_, address) = line.split_once("listens on http://")?;
    let (_, port) = address.trim().rsplit_once(':')?;
    port.parse().ok()
}

/// This program, with nothing of this process's settings.
pub fn this_program() -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("finding this program")?);
    command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "TMPDIR"));
    Ok(command)
}

/// The same command on a core of its own.
pub fn on_core(command: &mut Command, core: usize) -> &mut Command {
    // Only a system call between fork and exec.
    unsafe {
        command.pre_exec(move || {
            sys::pin(core);
            Ok(())
        })
    }
}

/// Copies a directory with its files and directories; sockets stay behind.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// A PostgreSQL of our own, synced as in production, gone with its directory.
pub struct Postgres {
    server: Child,
    programs: PathBuf,
    port: u16,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is its fast stop; its children end with it.
        let _ended_already = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status().is_err();
        let _reaped = self.server.wait().is_err();
    }
}

/// Who PostgreSQL runs as when we are root, which it refuses to be.
const NOBODY: u32 = 65_534;

impl Postgres {
    /// Starts one below `directory`; none when it is not installed.
    pub fn start(directory: &Path) -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let home = directory.join("postgres");
        std::fs::create_dir_all(&home)?;
        let root = std::fs::metadata(&home).map(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0)?;
        if root {
            std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY))?;
        }
        let run = |program: &str| {
            let mut command = Command::new(programs.join(program));
            command.current_dir(&home).stdout(Stdio::null()).stderr(Stdio::null());
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let made = run("initdb")
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(home.join("data"))
            .status()?;
        ensure!(made.success(), "initdb failed");
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = run("postgres")
            .arg("-D")
            .arg(home.join("data"))
            .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "max_wal_size=1GB", "-k"])
            .arg(&home)
            .spawn()?;
        let postgres = Self { server, programs, port };
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(began.elapsed() < Duration::from_secs(30), "PostgreSQL did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Some(postgres))
    }

    /// The URL of a database.
    pub fn url(&self, name: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Makes a database.
    pub fn database(&self, name: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let made = Command::new(self.programs.join("createdb"))
                .args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string(), name])
                .stderr(Stdio::null())
                .status()?;
            if made.success() {
                return Ok(());
            }
            // It listens a moment before it answers.
            ensure!(began.elapsed() < Duration::from_secs(15), "createdb failed");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// The newest installed PostgreSQL's programs.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_in_what_a_server_says() {
        assert_eq!(port_in("domu 0.1.0 listens on http://127.0.0.1:4711\n"), Some(4711));
        assert_eq!(port_in("listens on http://127.0.0.1:80"), Some(80));
        assert_eq!(port_in("Open     http://127.0.0.1:80"), None);
    }

    #[test]
    fn a_copy_has_everything_that_is_a_file() {
        let home = tempfile::tempdir().unwrap();
        let from = home.path().join("a");
        std::fs::create_dir_all(from.join("deep")).unwrap();
        std::fs::write(from.join("deep/x"), "1").unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(from.join("s")).unwrap();
        copy(&from, &home.path().join("b")).unwrap();
        assert_eq!(std::fs::read_to_string(home.path().join("b/deep/x")).unwrap(), "1");
        assert!(!home.path().join("b/s").exists());
    }
}
