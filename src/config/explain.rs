//! Explains the settings, and shows the resolved ones without secrets.

use serde_json::{Value, json};

use super::load::{Loaded, Origin};
use super::table::{Key, keys};

/// The table of settings for eyes.
pub fn text() -> String {
    let mut text = String::from(
        "Flags win over the environment, that over domu.toml (or --config FILE), that over defaults.\n\
         Every setting can be given as --set NAME=VALUE. Times are written 250ms, 10s, 5m, 24h, 30d or as seconds.\n",
    );
    for Key { name, env, flag, unit, default, range, meaning, .. } in keys() {
        let flag = flag.map(|flag| format!("  {flag}")).unwrap_or_default();
        text.extend([
            format!("\n{name}\n    {meaning}\n    {env}{flag}\n"),
            format!("    default {default}; allowed {range}; unit {unit}\n"),
        ]);
    }
    text
}

/// The table of settings for machines.
pub fn table() -> Value {
    let row = |key: &Key| {
        json!({
            "key": key.name, "env": key.env, "flag": key.flag, "unit": key.unit, "default": key.default,
            "range": key.range, "meaning": key.meaning, "secret": key.secret,
        })
    };
    keys().iter().map(row).collect()
}

/// One resolved setting, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its name.
    pub key: &'static str,
    /// Its value; `(hidden)` for a secret, `-` when there is none.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Every setting with its value and source.
pub fn resolved(loaded: &Loaded) -> Vec<Resolved> {
    let show = |key: &'static Key| Resolved {
        key: key.name,
        value: (key.show)(&loaded.config),
        origin: loaded.origin(key.name),
    };
    keys().iter().map(show).collect()
}
