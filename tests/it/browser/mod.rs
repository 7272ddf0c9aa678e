//! What a person does, in the browser a person has: real Chromium, driven over WebDriver.

mod account;
mod chromium;
mod console;
mod groups;
mod live;
mod looks;
mod messages;
mod pages;
mod talk;
