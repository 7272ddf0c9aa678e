//! The real program as a process of its own, to be killed and started again.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::client::PATIENCE;

/// What a server process is started with; the same for every life.
#[derive(Clone, Debug)]
pub struct Launch {
    pub data_dir: PathBuf,
    pub database_url: Option<String>,
    /// Lines of the configuration file.
    pub settings: String,
    /// `serve` or `demo`, and further arguments.
    pub command: Vec<String>,
}

impl Launch {
    /// A server on SQLite in this directory with the limits that a crowd of tests needs.
    pub fn serve(data_dir: &Path) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            database_url: None,
            settings: String::new(),
            command: vec!["serve".into()],
        }
    }

    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_domu"));
        // Nothing of the caller's environment decides what a test sees.
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("RUST_BACKTRACE", "1");
        command.env("DOMU_DATA_DIR", &self.data_dir);
        if let Some(url) = &self.database_url {
            command.env("DATABASE_URL", url).env("AUTO_MIGRATE", "true");
        }
        command.stdin(Stdio::null());
        command
    }

    /// Runs one command of the program to its end, such as `verify EMAIL`. Returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.program().args(arguments).output().expect("the program");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "domu {arguments:?} ended with {}:\n{out}{err}", output.status);
        out.into_owned()
    }

    /// Starts a life and waits until it answers.
    pub fn start(&self) -> ServerProcess {
        self.try_start().unwrap_or_else(|log| panic!("the server did not start:\n{log}"))
    }

    fn serving(&self) -> Command {
        std::fs::create_dir_all(&self.data_dir).expect("a data directory");
        // Beside the data directory: a demo refuses one that holds anything else.
        let settings = self.data_dir.with_extension("toml");
        std::fs::write(&settings, &self.settings).expect("the settings");
        let mut command = self.program();
        command.env("DOMU_CONFIG", &settings).args(["--listen", "127.0.0.1:0"]).args(&self.command);
        command
    }

    /// A life that is ended before anybody knows whether it had begun.
    pub fn start_and_kill_after(&self, moment: Duration) {
        let mut child = self.serving().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program");
        std::thread::sleep(moment);
        child.kill().expect("SIGKILL");
        child.wait().expect("the end of the process");
    }

    /// Starts a life in which a write beyond a limit of file size is an error and not the end of the process.
    pub fn start_tolerating_full_disks(&self) -> ServerProcess {
        let serving = self.serving();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
            .arg(serving.get_program())
            .args(serving.get_args())
            .env_clear()
            .stdin(Stdio::null());
        for (name, value) in serving.get_envs() {
            if let Some(value) = value {
                shell.env(name, value);
            }
        }
        Self::wait_for(shell).unwrap_or_else(|log| panic!("the server did not start:\n{log}"))
    }

    /// Starts a life; the error is all it said.
    pub fn try_start(&self) -> Result<ServerProcess, String> {
        Self::wait_for(self.serving())
    }

    fn wait_for(mut command: Command) -> Result<ServerProcess, String> {
        let began = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        let log = Arc::new(Mutex::new(Vec::new()));
        let readers = [
            child.stdout.take().map(|out| follow(out, Arc::clone(&log))),
            child.stderr.take().map(|err| follow(err, Arc::clone(&log))),
        ];
        let mut process = ServerProcess {
            child,
            log,
            _readers: readers,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            started_in: Duration::ZERO,
        };
        loop {
            if let Some(address) = process.announced() {
                process.address = address;
                process.started_in = began.elapsed();
                return Ok(process);
            }
            if process.child.try_wait().expect("the process").is_some() || began.elapsed() > PATIENCE * 3 {
                return Err(process.log());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

type Log = Arc<Mutex<Vec<String>>>;

fn follow(from: impl std::io::Read + Send + 'static, log: Log) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut log = log.lock().expect("the log");
            // The last lines tell why something ended; a million others only fill memory.
            if log.len() > 4000 {
                log.drain(..2000);
            }
            log.push(line);
        }
    })
}

/// One life of the server.
pub struct ServerProcess {
    child: Child,
    log: Log,
    _readers: [Option<std::thread::JoinHandle<()>>; 2],
    pub address: SocketAddr,
    /// From the start of the process until it listened.
    pub started_in: Duration,
}

impl ServerProcess {
    /// The address it says it listens on.
    fn announced(&self) -> Option<SocketAddr> {
        let log = self.log.lock().expect("the log");
        log.iter().find_map(|line| {
            let (_, after) = line.split_once("http://")?;
            let address: String =
                after.chars().take_while(|letter| letter.is_ascii_digit() || matches!(letter, '.' | ':')).collect();
            address.parse().ok().filter(|address: &SocketAddr| address.port() != 0)
        })
    }

    /// The links with a token that it printed.
    pub fn links(&self) -> Vec<String> {
        let began = Instant::now();
        loop {
            let log = self.log();
            let links: Vec<String> = log
                .split_whitespace()
                .filter(|word| word.starts_with("http://") && word.contains("as="))
                .map(str::to_owned)
                .collect();
            if links.len() >= 2 || began.elapsed() > PATIENCE {
                return links;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything it said.
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").join("\n")
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and nothing before it.
    pub fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("the end of the process");
    }

    /// Asks it to stop, as an operator's service manager does.
    pub fn terminate(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill");
        assert!(sent.success(), "SIGTERM could not be sent");
    }

    /// Waits for its end after `terminate`.
    pub fn ended(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("the process") {
                return status;
            }
            assert!(began.elapsed() < PATIENCE * 2, "the process did not end; it said:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _already_ended = self.child.kill();
        let _reaped = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server said:\n{}", self.log());
        }
    }
}
