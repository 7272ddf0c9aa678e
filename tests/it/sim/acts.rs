//! What a device does for each step of a plan.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::device::{Asked, Device};
use super::diary::{Change, Grouping, Mark, Outcome, Send};
use super::plan::{Cursor, Place, What};

impl Device {
    pub(super) async fn act(&mut self, what: What) {
        match what {
            What::Connect(cursor) => {
                if let Some(client) = self.part() {
                    client.cut();
                }
                return self.come_back(cursor).await;
            }
            What::Leave => {
                self.answered().await;
                if let Some(client) = self.part() {
                    client.leave().await;
                }
                return;
            }
            What::Cut => {
                if let Some(client) = self.part() {
                    client.cut();
                }
                return;
            }
            What::Stall => return self.stalled = self.client.is_some(),
            What::Wake => return self.stalled = false,
            What::Sleep(ms) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                return self.ask("ping", None, json!({}), Asked::Other).await;
            }
            _ => {}
        }
        if self.client.is_none() {
            self.come_back(Cursor::True).await;
        }
        let person = self.owner.person;
        let id = |who: usize| self.stage.cast.ids[who].to_string();
        match what {
            What::Send { to, size, count } => {
                let Some(chat) = self.stage.chat(person, to) else { return };
                for _ in 0..count {
                    self.send(&chat, size).await;
                }
            }
            What::Edit { of, back } => self.change(of, back, true).await,
            What::Delete { of, back } => self.change(of, back, false).await,
            What::React { of, back, on } => {
                let emoji = if back % 2 == 0 { "🏠" } else { "👍" };
                let data = json!({"emoji": emoji, "on": on});
                self.about(of, back, "react", data).await;
            }
            What::Erase { of, back } => self.about(of, back, "delete", json!({"scope": "me"})).await,
            What::Read { of, back } => self.mark(of, "read", back).await,
            What::Receive { of } => self.mark(of, "ack", 0).await,
            What::Notice { back, all } => {
                let head = self.client.as_ref().map_or(0, |client| client.mirror.user_seq);
                let what = if all { "upto" } else { "seq" };
                self.ask("notify.read", None, json!({what: head.saturating_sub(back)}), Asked::Other).await;
            }
            What::Typing { of, on } => {
                let Some(chat) = self.stage.chat(person, of) else { return };
                self.ask("typing", Some(&chat), json!({"on": on}), Asked::Other).await;
            }
            What::Focus { of } => {
                let Some(chat) = self.stage.chat(person, of) else { return };
                self.ask("visible", None, json!({"on": true}), Asked::Other).await;
                self.ask("focus", None, json!({"chats": [chat]}), Asked::Other).await;
            }
            What::Sync { of } => {
                let Some(chat) = self.stage.chat(person, of) else { return };
                let held =
                    self.client.as_ref().and_then(|client| client.mirror.chats.get(&chat)).map(|known| known.seq);
                self.ask("sync", None, json!({"chats": {chat: held}}), Asked::Other).await;
            }
            What::MakeGroup { group, with } => {
                let title = format!("groep {group} van {}", self.number);
                let members: Vec<_> = with.into_iter().map(id).collect();
                let told = ("chat", "opened", String::new());
                let data = json!({"title": title, "members": members});
                self.group("group.create", None, data, told, Some(group)).await;
            }
            What::Invite { group, who } => {
                let data = json!({"user": id(who)});
                self.group("group.invite", Some(group), data, ("", "", String::new()), None).await;
            }
            What::Accept(group) => {
                let told = ("member", "joined", id(person));
                self.group("invite.accept", Some(group), json!({}), told, None).await;
            }
            What::Decline(group) => {
                self.group("invite.decline", Some(group), json!({}), ("", "", String::new()), None).await;
            }
            What::LeaveGroup(group) => {
                let told = ("member", "left", id(person));
                self.group("group.leave", Some(group), json!({}), told, None).await;
            }
            What::Remove { group, who } => {
                let (data, told) = (json!({"user": id(who)}), ("member", "removed", id(who)));
                self.group("group.remove", Some(group), data, told, None).await;
            }
            What::Transfer { group, who } => {
                let (data, told) = (json!({"user": id(who)}), ("member", "role", id(who)));
                self.group("group.transfer", Some(group), data, told, None).await;
            }
            What::Rename(group) => {
                self.said += 1;
                let title = format!("naam {} van {}", self.said, self.number);
                let data = json!({"title": title});
                self.group("group.rename", Some(group), data, ("chat", "renamed", title), None).await;
            }
            _ => {}
        }
    }

    async fn send(&mut self, chat: &str, size: usize) {
        self.said += 1;
        let begun = self.stage.tick();
        let index = {
            let mut diary = self.stage.diary();
            diary.sends.push(Send {
                person: self.owner.person,
                chat: chat.to_owned(),
                cid: Uuid::new_v4().to_string(),
                text: format!("{}.{} {}", self.number, self.said, "o".repeat(size)),
                begun,
                ended: None,
                outcome: Outcome::Unknown,
                stored: None,
            });
            diary.sends.len() - 1
        };
        self.waiting.push(index);
        self.say(index).await;
    }

    /// Edits or deletes one of the person's own messages, the newest being 0.
    async fn change(&mut self, of: Place, back: usize, edits: bool) {
        let Some(chat) = self.stage.chat(self.owner.person, of) else { return };
        let Some(client) = &self.client else { return };
        let found = {
            let diary = self.stage.diary();
            let mine = diary.sends.iter().filter(|send| send.person == self.owner.person && send.chat == chat);
            mine.filter_map(|send| send.stored.as_ref()).map(|stored| stored.mid.clone()).rev().nth(back)
        };
        let Some(mid) = found else { return };
        let mut held = client.mirror.chats.get(&chat).map(|chat| chat.events.values()).into_iter().flatten();
        let rev = held.rfind(|event| event["op"] == "message" && event["d"]["mid"] == *mid);
        let rev = rev.and_then(|event| event["d"]["rev"].as_u64()).unwrap_or(1);
        self.said += 1;
        let text = edits.then(|| format!("{}.{} anders", self.number, self.said));
        let (op, data) = match &text {
            Some(text) => ("edit", json!({"mid": mid, "rev": rev, "text": text})),
            None => ("delete", json!({"mid": mid, "scope": "all"})),
        };
        let index = {
            let mut diary = self.stage.diary();
            let change = Change { chat: chat.clone(), mid, rev, text, outcome: Outcome::Unknown, became: None };
            diary.changes.push(change);
            diary.changes.len() - 1
        };
        self.ask(op, Some(&chat), data, Asked::Change(index)).await;
    }

    /// Does something with a message of anybody that is seen, the newest being 0.
    async fn about(&mut self, of: Place, back: usize, op: &str, mut data: Value) {
        let Some(chat) = self.stage.chat(self.owner.person, of) else { return };
        let Some(client) = &self.client else { return };
        let held = client.mirror.chats.get(&chat).map(|chat| chat.events.values()).into_iter().flatten();
        let seen = held.filter(|event| event["op"] == "message" && event["d"]["mid"].is_string());
        let Some(message) = seen.rev().nth(back) else { return };
        data["mid"] = message["d"]["mid"].clone();
        self.ask(op, Some(&chat), data, Asked::Other).await;
    }

    async fn mark(&mut self, of: Place, op: &str, back: u64) {
        let Some(chat) = self.stage.chat(self.owner.person, of) else { return };
        let Some(client) = &self.client else { return };
        let at = client.mirror.chats.get(&chat).map_or(0, |known| known.seq).saturating_sub(back);
        let index = {
            let mut diary = self.stage.diary();
            diary.marks.push(Mark { person: self.owner.person, chat: chat.clone(), read: None });
            diary.marks.len() - 1
        };
        self.ask(op, Some(&chat), json!({"seq": at}), Asked::Mark(index)).await;
    }

    async fn group(
        &mut self,
        op: &str,
        group: Option<usize>,
        data: Value,
        event: (&'static str, &'static str, String),
        made: Option<usize>,
    ) {
        let chat = group.and_then(|group| self.stage.chat(self.owner.person, Place::Group(group)));
        if chat.is_none() && made.is_none() {
            return;
        }
        let index = {
            let mut diary = self.stage.diary();
            diary.groupings.push(Grouping { chat: chat.clone().unwrap_or_default(), event, outcome: Outcome::Unknown });
            diary.groupings.len() - 1
        };
        self.ask(op, chat.as_deref(), data, Asked::Group(index, made)).await;
    }
}
