//! What a person does, in the browser a person has: real Chromium, driven over WebDriver.

mod account;
mod chromium;
mod live;
mod looks;
mod pages;
mod talk;
