//! What a person does, in the browser a person has: real Chromium, driven over WebDriver.

mod chromium;
mod pages;
mod talk;
