//! A ChromeDriver of the test's own, and windows that find what a person finds.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, TypingData, WebDriver};

use crate::support::client::PATIENCE;
use crate::support::http::ready_tls;

/// Something in a page can take longer than on the wire.
const PAGE_PATIENCE: Duration = PATIENCE;

/// A running ChromeDriver.
pub struct Driver {
    process: Child,
    url: String,
}

impl Driver {
    pub fn start() -> Self {
        ready_tls();
        let mut process = Command::new("chromedriver")
            .args(["--port=0", "--log-level=SEVERE"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver cannot be started ({error}): tests/run installs it"));
        let out = BufReader::new(process.stdout.take().expect("its output"));
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Some((_, port)) = line.split_once("started successfully on port ") {
                    let _nobody_waits = tell.send(port.trim_end_matches('.').to_owned());
                }
            }
        });
        let port = told.recv_timeout(PAGE_PATIENCE).expect("ChromeDriver's port");
        Self { process, url: format!("http://127.0.0.1:{port}") }
    }

    /// A new browser with nothing in it: no cookies, no storage.
    pub async fn window(&self, name: &str, look: Look) -> Window {
        let profile = tempfile::Builder::new().prefix("domu-chromium.").tempdir().expect("a profile");
        let mut capabilities = DesiredCapabilities::chrome();
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--force-prefers-reduced-motion",
        ];
        for argument in arguments {
            capabilities.add_arg(argument).expect("an argument");
        }
        capabilities.add_arg(&format!("--user-data-dir={}", profile.path().display())).expect("an argument");
        capabilities.add_arg(&format!("--lang={}", look.language)).expect("an argument");
        capabilities.add_arg(&format!("--window-size={},{}", look.width, look.height)).expect("an argument");
        let preferences = json!({"intl.accept_languages": look.language});
        capabilities.add_experimental_option("prefs", preferences).expect("preferences");
        let driver =
            WebDriver::new(&self.url, capabilities).await.unwrap_or_else(|error| panic!("no browser: {error}"));
        let window = Window { name: name.to_owned(), driver, _profile: profile };
        let size =
            json!({"width": look.width, "height": look.height, "deviceScaleFactor": look.scale, "mobile": false});
        window.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if look.dark { "dark" } else { "light" };
        window
            .devtools(
                "Emulation.setEmulatedMedia",
                json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
            )
            .await;
        window
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Ends its browsers as well.
        let _asked = std::process::Command::new("kill").arg(self.process.id().to_string()).status();
        let began = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && began.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _already_ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Sockets and the network as a page is told they are, by `answers`.
const SOCKETS: &str = "
    if (answers.some((one) => one.offline)) Object.defineProperty(Navigator.prototype, 'onLine', { get: () => false });
    const fate = answers.find((one) => 'socket' in one)?.socket;
    if (fate !== undefined) window.WebSocket = class {
      readyState = 0;
      constructor() {
        if (fate === 'fail') setTimeout(() => this.end(1006), 5);
        else if (fate !== 'hang') setTimeout(() => { this.readyState = 1; this.onopen?.({}); }, 5);
      }
      send() { this.end(fate); }
      close() { this.readyState = 3; }
      end(code) { this.readyState = 3; this.onclose?.({ code, reason: '' }); }
    };";

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub scale: u32,
    pub dark: bool,
    pub language: &'static str,
}

impl Default for Look {
    fn default() -> Self {
        Self { width: 1200, height: 800, scale: 1, dark: false, language: "nl" }
    }
}

/// One browser with one window.
pub struct Window {
    name: String,
    pub driver: WebDriver,
    _profile: tempfile::TempDir,
}

impl Window {
    pub async fn go(&self, url: &str) {
        self.driver.goto(url).await.unwrap_or_else(|error| panic!("{}: {url}: {error}", self.name));
    }

    pub async fn url(&self) -> url::Url {
        self.driver.current_url().await.expect("an address")
    }

    /// A command of the DevTools protocol.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Value {
        self.driver
            .cdp()
            .send_raw(method, parameters)
            .await
            .unwrap_or_else(|error| panic!("{}: {method}: {error}", self.name))
    }

    /// The line goes dead, or comes back.
    pub async fn offline(&self, offline: bool) {
        self.devtools("Network.enable", json!({})).await;
        let conditions = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.devtools("Network.emulateNetworkConditions", conditions).await;
    }

    /// A phone far from the mast.
    pub async fn slow(&self) {
        self.devtools("Network.enable", json!({})).await;
        let conditions =
            json!({"offline": false, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000});
        self.devtools("Network.emulateNetworkConditions", conditions).await;
    }

    /// Another size and theme for the same page.
    pub async fn look(&self, width: u32, height: u32, dark: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// Lets pages that are opened from now on get these answers instead of the server's: `{method, path, status, body}`,
    /// `{.., hang: true}` for none yet, `{socket}` with `"hang"`, `"fail"` or a close code for what becomes of every socket,
    /// and `{offline: true}` for a device that says it has no network. Returns what `honest` takes.
    pub async fn pretend(&self, answers: &Value) -> String {
        let source = format!(
            "(() => {{ const answers = {answers}; {SOCKETS} const real = window.fetch; window.fetch = async (path, init = {{}}) => {{ \
             const found = answers.find((one) => one.path && (one.method ?? 'GET') === (init.method ?? 'GET') && new RegExp(one.path).test(String(path))); \
             if (!found) return real(path, init); \
             if (found.hang) return new Promise(() => {{}}); \
             return new Response(JSON.stringify(found.body), {{ status: found.status ?? 200, headers: {{ 'content-type': 'application/json' }} }}); }}; }})()"
        );
        let added = self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": source})).await;
        added["identifier"].as_str().expect("an identifier").to_owned()
    }

    /// From the next page on the server is heard again.
    pub async fn honest(&self, pretence: String) {
        self.devtools("Page.removeScriptToEvaluateOnNewDocument", json!({"identifier": pretence})).await;
    }

    /// A small picture of what the window shows.
    pub async fn shoot(&self, path: &Path) {
        use base64::Engine as _;
        let parameters = json!({"format": "webp", "quality": 80});
        let taken = self.devtools("Page.captureScreenshot", parameters).await;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(taken["data"].as_str().expect("a picture"))
            .expect("base64");
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(path, bytes).expect("a written picture");
    }

    /// The element with this name for tests (or, with a bracket or a space, this selector), when it is there and visible.
    pub async fn find(&self, testid: &str) -> WebElement {
        if testid.contains(['[', ' ']) {
            return self.find_css(testid).await;
        }
        self.find_css(&format!("[data-testid='{testid}']")).await
    }

    pub async fn find_css(&self, selector: &str) -> WebElement {
        let began = Instant::now();
        loop {
            if let Ok(found) = self.driver.find_all(By::Css(selector)).await {
                for element in found {
                    if element.is_displayed().await.unwrap_or(false) {
                        return element;
                    }
                }
            }
            if began.elapsed() > PAGE_PATIENCE {
                panic!("{}: nothing like {selector} on the page:\n{}", self.name, self.said().await);
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    pub async fn click(&self, testid: &str) {
        let began = Instant::now();
        // An element may be drawn anew between being found and being clicked, and cannot be clicked while it is disabled.
        loop {
            let element = self.find(testid).await;
            let done = match element.is_enabled().await {
                Ok(true) => element.click().await.map_err(|error| error.to_string()),
                Ok(false) => Err("it is disabled".into()),
                Err(error) => Err(error.to_string()),
            };
            let Err(error) = done else { return };
            assert!(began.elapsed() < PAGE_PATIENCE, "{}: {testid} cannot be clicked: {error}", self.name);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    pub async fn fill(&self, testid: &str, text: &str) {
        let began = Instant::now();
        // A field may be drawn anew between being found and being filled.
        loop {
            let element = self.find(testid).await;
            let filled = match element.clear().await {
                Ok(()) => element.send_keys(text).await,
                Err(error) => Err(error),
            };
            match filled {
                Ok(()) => return,
                Err(error) => assert!(began.elapsed() < PAGE_PATIENCE, "{}: {testid}: {error}", self.name),
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Waits until a script finds something true.
    pub async fn until(&self, what: &str, script: &str) -> Value {
        let began = Instant::now();
        loop {
            let found = self
                .driver
                .execute(script, Vec::new())
                .await
                .map(|result| result.json().clone())
                .unwrap_or(Value::Null);
            let yes = !matches!(&found, Value::Null | Value::Bool(false)) && found != json!("") && found != json!(0);
            if yes {
                return found;
            }
            if began.elapsed() > PAGE_PATIENCE {
                panic!("{}: waited in vain: {what} (last: {found})\nthe page says:\n{}", self.name, self.said().await);
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// Whether a script finds something true within a while.
    pub async fn comes(&self, script: &str, within: Duration) -> bool {
        let began = Instant::now();
        loop {
            let found = self.driver.execute(script, Vec::new()).await.map(|result| result.json().clone());
            if found.is_ok_and(|found| found == json!(true)) {
                return true;
            }
            if began.elapsed() > within {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// The texts of the messages shown, in order.
    pub async fn messages(&self) -> Vec<String> {
        let script =
            "return [...document.querySelectorAll('[data-testid=message] .text')].map((one) => one.textContent)";
        let found = self.driver.execute(script, Vec::new()).await.expect("the messages").json().clone();
        serde_json::from_value(found).expect("texts")
    }

    /// Waits until a message with this text is shown.
    pub async fn hears(&self, text: &str) {
        let wanted = serde_json::to_string(text).expect("JSON");
        self.until(&format!("the message {text:?}"), &format!("return [...document.querySelectorAll('[data-testid=message] .text')].some((one) => one.textContent === {wanted})")).await;
    }

    /// Waits until the own message with this text has this state: sending, sent, delivered, read and so on.
    pub async fn sees_state(&self, text: &str, states: &[&str]) {
        let wanted = serde_json::to_string(text).expect("JSON");
        let states = serde_json::to_string(states).expect("JSON");
        self.until(
            &format!("{text:?} in one of {states}"),
            &format!("return [...document.querySelectorAll('[data-testid=message]')].some((one) => one.querySelector('.text').textContent === {wanted} && {states}.includes(one.dataset.state))"),
        )
        .await;
    }

    /// Everything the page says.
    pub async fn said(&self) -> String {
        let script = "return document.body ? document.body.innerText : ''";
        let text = self
            .driver
            .execute(script, Vec::new())
            .await
            .ok()
            .and_then(|found| found.json().as_str().map(str::to_owned))
            .unwrap_or_default();
        format!("{}\n{text}", self.driver.current_url().await.map(|url| url.to_string()).unwrap_or_default())
    }

    /// Types with the keyboard, wherever the focus is.
    pub async fn keys(&self, keys: impl Into<TypingData>) {
        self.driver
            .action_chain()
            .send_keys(keys.into())
            .perform()
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Goes on with Tab until the element with this name has the focus, which must be visible.
    pub async fn tab_to(&self, testid: &str) {
        for _ in 0..60 {
            let script =
                "const one = document.activeElement; return one?.closest('[data-testid]')?.dataset.testid ?? ''";
            let focused = self.driver.execute(script, Vec::new()).await.expect("the focus").json().clone();
            if focused == testid {
                let outlined = "const style = getComputedStyle(document.activeElement); return style.outlineStyle !== 'none' || style.boxShadow !== 'none' || getComputedStyle(document.activeElement.parentElement).boxShadow !== 'none' || getComputedStyle(document.activeElement.parentElement).outlineStyle !== 'none'";
                let visible = self.driver.execute(outlined, Vec::new()).await.expect("a style").json().clone();
                assert_eq!(visible, json!(true), "{}: the focus on {testid} cannot be seen", self.name);
                return;
            }
            self.keys(Key::Tab).await;
        }
        panic!("{}: Tab never reaches {testid}\n{}", self.name, self.said().await);
    }

    /// What axe-core finds to be a serious or critical barrier on this page.
    pub async fn barriers(&self) -> Vec<String> {
        let axe = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(&axe)
            .unwrap_or_else(|error| panic!("{}: {error}: tests/run installs it", axe.display()));
        // DevTools evaluates it beside the page's own rules about scripts.
        let injected = self
            .devtools(
                "Runtime.evaluate",
                json!({"expression": format!("{axe}; typeof axe.run"), "returnByValue": true}),
            )
            .await;
        assert_eq!(injected["result"]["value"], "function", "axe was not taken in: {injected}");
        let run = "axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify(found.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => `${one.impact} ${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 160) + ' | ' + (node.any[0]?.message ?? '')).slice(0, 4).join(' ;; ')}`)))";
        let found = self
            .devtools("Runtime.evaluate", json!({"expression": run, "awaitPromise": true, "returnByValue": true}))
            .await;
        let list = found["result"]["value"].as_str().unwrap_or_else(|| panic!("axe did not run: {found}"));
        serde_json::from_str(list).expect("a list")
    }

    /// What the console complains about.
    pub async fn complaints(&self) -> Vec<String> {
        let logged = self.driver.browser_log().await.unwrap_or_default();
        logged
            .into_iter()
            .map(|entry| format!("{entry:?}"))
            .filter(|entry| {
                entry.contains("Content Security Policy") || entry.contains("Uncaught") || entry.contains("TrustedHTML")
            })
            .collect()
    }

    pub async fn picture(&self, path: &Path) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        self.driver.screenshot(path).await.expect("a picture");
    }

    pub async fn close(self) {
        let _driver_ends_it_otherwise = self.driver.quit().await;
    }
}
