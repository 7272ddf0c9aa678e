//! What a faithful client knows: every frame goes in, and a hole, a repetition or a contradiction comes out as a complaint.
//!
//! Every `Client` of the tests keeps one, so every test checks the order of everything it is sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One chat as this client knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatMirror {
    /// The last position applied.
    pub seq: u64,
    /// The events known, by position. Older ones may be missing below the first (history is fetched on demand).
    pub events: BTreeMap<u64, Value>,
    /// The chat object of the last connect reply or opening, without its events.
    pub facts: Value,
    /// Who has read and received how far.
    pub markers: BTreeMap<String, (u64, u64)>,
    /// What the last marker of each said by itself.
    told: BTreeMap<String, (u64, u64)>,
    /// How often this chat was thrown away and taken anew.
    pub snapshots: u32,
    /// Whether events are checked and not kept.
    pub forgets: bool,
}

/// Everything this client knows.
#[derive(Clone, Debug, Default)]
pub struct Mirror {
    pub epoch: String,
    /// Every epoch any connect reply named.
    pub epochs: Vec<String>,
    pub user_seq: u64,
    pub user_events: Vec<Value>,
    pub chats: BTreeMap<String, ChatMirror>,
    /// Open invitations, by group and who is asked.
    pub invites: BTreeMap<(String, String), Value>,
    /// What is news, as the connect reply said and events went on.
    pub notices: Value,
    /// My own id, from the connect reply.
    pub me: String,
    /// Whether events are checked and not kept, for clients that see millions.
    pub forgets: bool,
}

/// A broken promise of the protocol, in words.
pub type Complaint = String;

impl Mirror {
    /// The `resume` of the next connect.
    pub fn position(&self) -> Value {
        let chats: BTreeMap<&str, u64> = self.chats.iter().map(|(id, chat)| (id.as_str(), chat.seq)).collect();
        json!({"epoch": self.epoch, "user": self.user_seq, "chats": chats})
    }

    /// Goes back by so many events in every stream, as a device does whose newest notes were lost. What is forgotten of
    /// one's own stream may have been about a chat: that one is forgotten whole.
    pub fn forget_last(&mut self, events: u64) {
        self.user_seq = self.user_seq.saturating_sub(events);
        while self.user_events.last().is_some_and(|event| event["seq"].as_u64() > Some(self.user_seq)) {
            if let Some(event) = self.user_events.pop()
                && let Some(chat) = event["d"]["chat_id"].as_str()
            {
                self.chats.remove(chat);
            }
        }
        if let Some(items) = self.notices.get_mut("items").and_then(Value::as_array_mut) {
            items.retain(|item| item["seq"].as_u64() <= Some(self.user_seq));
        }
        for chat in self.chats.values_mut() {
            chat.seq = chat.seq.saturating_sub(events);
            chat.events.split_off(&(chat.seq + 1));
        }
    }

    /// Takes a whole connect reply.
    pub fn connected(&mut self, ok: &Value) -> Result<(), Complaint> {
        self.epoch = text(ok, "epoch")?;
        self.epochs.push(self.epoch.clone());
        self.me = text(&ok["me"], "id")?;
        let user = &ok["user"];
        match text(user, "recovered")?.as_str() {
            "full" => {
                for event in list(user, "events")? {
                    self.user_event(event)?;
                }
            }
            "none" => self.user_events.clear(),
            other => return Err(format!("user.recovered is {other:?}")),
        }
        let head = number(user, "seq")?;
        if text(user, "recovered")? == "full" && self.user_seq != head && self.user_seq != 0 {
            return Err(format!("the user stream was recovered to {} but its head is {head}", self.user_seq));
        }
        self.user_seq = head;
        let mut known = BTreeMap::new();
        for chat in list(ok, "chats")? {
            let id = text(chat, "id")?;
            let before = self.chats.remove(&id);
            known.insert(
                id.clone(),
                Self::taken(before, chat, self.forgets).map_err(|complaint| format!("chat {id}: {complaint}"))?,
            );
        }
        self.chats = known;
        // What was told event by event is what a fresh look tells.
        if user["recovered"] == "full" && !self.notices.is_null() && self.notices != ok["notices"] {
            return Err(format!("the news is {} but by its events {}", ok["notices"], self.notices));
        }
        self.notices = ok["notices"].clone();
        self.invites.clear();
        for invite in ok["invites"].as_array().into_iter().flatten() {
            self.invites.insert((text(invite, "chat_id")?, text(invite, "u")?), invite.clone());
        }
        Ok(())
    }

    /// Takes the answer to a sync: it may repeat what was sent before it, and is never behind.
    pub fn synced(&mut self, ok: &Value) -> Result<(), Complaint> {
        for chat in list(ok, "chats")? {
            let id = text(chat, "id")?;
            let before = self.chats.remove(&id);
            let at = before.as_ref().map_or(0, |before| before.seq);
            let head = number(chat, "head")?;
            if head < at {
                return Err(format!("chat {id}: a sync tells head {head} after {at} was sent"));
            }
            let mut fresh = chat.clone();
            if !flag(chat, "initial")? {
                let news: Vec<_> =
                    list(chat, "events")?.iter().filter(|event| event["seq"].as_u64() > Some(at)).collect();
                fresh["events"] = json!(news);
            }
            let taken =
                Self::taken(before, &fresh, self.forgets).map_err(|complaint| format!("chat {id}: {complaint}"));
            self.chats.insert(id, taken?);
        }
        Ok(())
    }

    /// One chat object: thrown away and taken anew, or continued.
    fn taken(before: Option<ChatMirror>, chat: &Value, forgets: bool) -> Result<ChatMirror, Complaint> {
        let head = number(chat, "head")?;
        let events = list(chat, "events")?;
        let initial = flag(chat, "initial")?;
        let mut mirror = before.unwrap_or_default();
        mirror.forgets = forgets;
        if initial {
            mirror = ChatMirror { snapshots: mirror.snapshots + 1, forgets, ..ChatMirror::default() };
            if let Some(first) = events.first() {
                mirror.seq = number(first, "seq")?.saturating_sub(1);
            } else {
                mirror.seq = head;
            }
        }
        for event in events {
            mirror.event(event)?;
        }
        if mirror.seq != head {
            return Err(format!(
                "after its events (initial: {initial}) the position is {} but the head is {head}",
                mirror.seq
            ));
        }
        for member in list(chat, "members")? {
            let at = (member["read"].as_u64().unwrap_or(0), number(member, "recv")?);
            mirror.markers.insert(text(member, "u")?, at);
        }
        let mut facts = chat.clone();
        if let Some(facts) = facts.as_object_mut() {
            for volatile in ["events", "initial", "limited", "recovered", "reason"] {
                facts.remove(volatile);
            }
        }
        mirror.facts = facts;
        Ok(mirror)
    }

    /// Takes one frame that is not a reply.
    pub fn frame(&mut self, frame: &Value) -> Result<(), Complaint> {
        let channel = frame["ch"].as_str().unwrap_or_default();
        match (frame["op"].as_str().unwrap_or_default(), channel) {
            ("marker", _) => self.marker(frame),
            ("ping", _) => self.heads(frame),
            (_, "user") if frame.get("seq").is_some() => self.user_event(frame),
            (_, channel) if frame.get("seq").is_some() => {
                let id = channel.strip_prefix("chat:").ok_or_else(|| format!("an event on the channel {channel:?}"))?;
                let chat =
                    self.chats.get_mut(id).ok_or_else(|| format!("an event of the unknown chat {id}: {frame}"))?;
                chat.event(frame).map_err(|complaint| format!("chat {id}: {complaint}"))
            }
            _ => Ok(()),
        }
    }

    /// Takes the answer to a publish as the event it stands for.
    pub fn acked(&mut self, chat: &str, sent: &Value, ok: &Value) -> Result<(), Complaint> {
        let me = self.me.clone();
        let Some(chat) = self.chats.get_mut(chat) else {
            // What was stored is answered again to whoever has left since.
            return if ok["dup"] == true { Ok(()) } else { Err(format!("an answer for the unknown chat {chat}")) };
        };
        let seq = number(ok, "seq")?;
        if ok["dup"] == true && seq != chat.seq + 1 {
            if seq > chat.seq + 1 {
                return Err(format!(
                    "a repeated message was answered with position {seq}, but everything after {} is unseen",
                    chat.seq
                ));
            }
            return Ok(());
        }
        let mut data =
            json!({"mid": ok["mid"], "n": ok["n"], "u": me, "cid": sent["cid"], "text": sent["text"], "kind": "user"});
        if let Some(reply_to) = sent.get("reply_to").filter(|reply_to| !reply_to.is_null()) {
            data["reply_to"] = reply_to.clone();
            let answered = chat.events.values().find(|held| held["d"]["mid"] == *reply_to);
            if let Some(answered) = answered {
                data["reply_seq"] = answered["seq"].clone();
            }
        }
        chat.event(&json!({"op": "message", "seq": seq, "ts": ok["ts"], "d": data}))
    }

    fn marker(&mut self, frame: &Value) -> Result<(), Complaint> {
        let id = text(frame, "ch")?;
        let Some(chat) = self.chats.get_mut(id.trim_start_matches("chat:")) else { return Ok(()) };
        let user = text(&frame["d"], "u")?;
        let (known, told) = (chat.markers.entry(user.clone()).or_default(), chat.told.entry(user.clone()).or_default());
        // Who hides what they have read says only what they have received.
        let at = (frame["d"]["read"].as_u64().unwrap_or(told.0), number(&frame["d"], "recv")?);
        if at.0 < told.0 || at.1 < told.1 {
            return Err(format!("the marker of {user} went back from {told:?} to {at:?}"));
        }
        *told = at;
        // One that waited while the chat was read may say less than what was read then: the greatest holds.
        *known = (known.0.max(at.0), known.1.max(at.1));
        Ok(())
    }

    /// A server ping tells heads; what it tells has been sent before it on this very socket.
    fn heads(&mut self, frame: &Value) -> Result<(), Complaint> {
        for (stream, head) in frame["h"].as_object().into_iter().flatten() {
            let head = head.as_u64().ok_or_else(|| format!("the head of {stream} is {head}"))?;
            let at = match stream.strip_prefix("chat:") {
                Some(id) => self.chats.get(id).map_or(0, |chat| chat.seq),
                None => self.user_seq,
            };
            if at < head {
                return Err(format!("a ping tells head {head} of {stream}, but only {at} was sent"));
            }
        }
        Ok(())
    }

    fn user_event(&mut self, event: &Value) -> Result<(), Complaint> {
        let seq = number(event, "seq")?;
        if seq != self.user_seq + 1 {
            return Err(format!("user event {seq} after {}", self.user_seq));
        }
        self.user_seq = seq;
        self.user_events.push(event.clone());
        self.news(seq, event);
        if event["op"] == "chat.left" {
            self.chats.remove(&text(&event["d"], "chat_id")?);
        }
        if event["op"] == "erased"
            && let Some(chat) = self.chats.get_mut(&text(&event["d"], "chat_id")?)
        {
            chat.erase(&event["d"]);
        }
        if event["op"] == "mute"
            && let Some(chat) = self.chats.get_mut(&text(&event["d"], "chat_id")?)
            && let Some(facts) = chat.facts.as_object_mut()
        {
            match event["d"].get("muted") {
                Some(until) => facts.insert("muted".into(), until.clone()),
                None => facts.remove("muted"),
            };
        }
        if event["op"] == "invite" {
            let key = (text(&event["d"], "chat_id")?, text(&event["d"], "u")?);
            match event["d"].get("invite") {
                Some(invite) => self.invites.insert(key, invite.clone()),
                None => self.invites.remove(&key),
            };
        }
        if event["op"] == "chat.opened" {
            let chat = &event["d"]["chat"];
            if chat.is_null() {
                // Replayed: the chat itself stands in the same connect reply.
                return text(&event["d"], "chat_id").map(drop);
            }
            let id = text(chat, "id")?;
            // An opening that is replayed may describe a chat that this very reply has, or later brings, in full.
            if !self.chats.contains_key(&id) {
                let taken = Self::taken(None, chat, self.forgets)
                    .map_err(|complaint| format!("opened chat {id}: {complaint}"))?;
                self.chats.insert(id, taken);
            }
        }
        Ok(())
    }

    /// Takes in what an event of the own stream is as news, and what it says was seen.
    fn news(&mut self, seq: u64, event: &Value) {
        let (me, d) = (json!(self.me), &event["d"]);
        let Some(notices) = self.notices.as_object_mut() else { return };
        let about = |kind: &str, fields: &[(&str, &Value)]| {
            let mut item = json!({"seq": seq, "ts": event["ts"], "kind": kind});
            for (name, value) in fields {
                item[*name] = (*value).clone();
            }
            item
        };
        let verified = json!(if d["verified"] == true { "verified" } else { "unverified" });
        let over = match event["op"].as_str().unwrap_or_default() {
            "chat.left" => "chats",
            "invite" if d["u"] == me => "invites",
            _ => "",
        };
        if let Some(items) = notices.get_mut("items").and_then(Value::as_array_mut) {
            items.retain(|item| item["kind"] != over || item["chat_id"] != d["chat_id"]);
        }
        let item = match event["op"].as_str().unwrap_or_default() {
            "chat.opened" => Some(about("chats", &[("chat_id", &d["chat_id"])])),
            "invite" if d["u"] == me && d["change"] == "opened" => {
                let invite = &d["invite"];
                let fields = [("chat_id", &d["chat_id"]), ("title", &invite["title"]), ("by_name", &invite["by_name"])];
                Some(about("invites", &fields))
            }
            "verification" => Some(about("account", &[("change", &verified)])),
            "sanction" => Some(about("account", &[("change", &d["change"])])),
            "notify.read" => {
                notices.insert("noticed".into(), d.clone());
                None
            }
            _ => None,
        };
        let oldest = seq.saturating_sub(notices.get("window").and_then(Value::as_u64).unwrap_or_default());
        if let Some(items) = notices.get_mut("items").and_then(Value::as_array_mut) {
            items.extend(item);
            items.retain(|item| item["seq"].as_u64() > Some(oldest));
        }
    }
}

impl ChatMirror {
    fn event(&mut self, event: &Value) -> Result<(), Complaint> {
        let seq = number(event, "seq")?;
        if seq != self.seq + 1 {
            return Err(format!("event {seq} after {} ({event})", self.seq));
        }
        self.seq = seq;
        self.belongs(event);
        let about_older = self.change(event);
        // Who writes has read what stands before.
        if (event["op"] == "message" || (event["op"] == "hidden" && !about_older))
            && let Some(author) = event["d"]["u"].as_str()
        {
            let at = self.markers.entry(author.to_owned()).or_default();
            *at = (at.0.max(seq), at.1.max(seq));
        }
        if !self.forgets {
            self.events.insert(seq, plain(event));
        }
        Ok(())
    }

    /// Does to a message that is held what an event says; whether it is about a message that came before.
    fn change(&mut self, event: &Value) -> bool {
        let (op, d) = (event["op"].as_str().unwrap_or_default(), &event["d"]);
        let hidden = op == "hidden";
        if !hidden && !["message.edited", "message.deleted", "reaction"].contains(&op) {
            return false;
        }
        if hidden && d["n"] == 0 {
            return true;
        }
        let same = |held: &Value| {
            held["op"] == "message" && if hidden { held["d"]["n"] == d["n"] } else { held["d"]["mid"] == d["mid"] }
        };
        let newest =
            self.events.values().filter_map(|held| held["d"]["n"].as_u64()).chain(self.facts["n"].as_u64()).max();
        let older = d["n"].as_u64() <= newest && newest > Some(0);
        let Some(held) = self.events.values_mut().find(|held| same(held)) else { return older };
        match op {
            "hidden" => {
                held["op"] = json!("hidden");
                held["d"] = d.clone();
            }
            "reaction" if held["d"]["deleted"] == true => {}
            "reaction" => {
                let mut reactions = held["d"]["reactions"].as_array().cloned().unwrap_or_default();
                let one = json!({"u": d["u"], "emoji": d["emoji"]});
                let there = reactions.iter().position(|reaction| *reaction == one);
                match (there, d["on"] == true) {
                    (None, true) => reactions.push(one),
                    (Some(at), false) => drop(reactions.remove(at)),
                    _ => {}
                }
                held["d"]["reactions"] = json!(reactions);
                if let Some(fields) = held["d"].as_object_mut().filter(|_| reactions.is_empty()) {
                    fields.remove("reactions");
                }
            }
            _ if held["d"]["rev"].as_u64().unwrap_or(1) >= d["rev"].as_u64().unwrap_or_default() => {}
            "message.edited" => {
                held["d"]["text"] = d["text"].clone();
                held["d"]["rev"] = d["rev"].clone();
                held["d"]["edited"] = d["edited_at"].clone();
            }
            _ => {
                held["d"]["text"] = json!("");
                held["d"]["rev"] = d["rev"].clone();
                held["d"]["deleted"] = json!(true);
                if let Some(fields) = held["d"].as_object_mut() {
                    fields.remove("edited");
                    fields.remove("reactions");
                }
            }
        }
        true
    }

    /// Takes a message out of sight.
    fn erase(&mut self, d: &Value) {
        let erased = self.events.values_mut().find(|held| held["op"] == "message" && held["d"]["mid"] == d["mid"]);
        if let Some(held) = erased {
            held["op"] = json!("hidden");
            held["d"] = json!({"n": d["n"], "u": held["d"]["u"]});
        }
    }

    /// Takes in what an event says of the chat's name and people.
    fn belongs(&mut self, event: &Value) {
        let d = &event["d"];
        match (event["op"].as_str(), d["change"].as_str()) {
            (Some("chat"), Some("renamed")) => self.facts["name"] = d["title"].clone(),
            (Some("chat"), Some("closed")) => self.facts["status"] = json!("closed"),
            (Some("member"), Some(change)) => {
                let mut members = self.facts["members"].as_array().cloned().unwrap_or_default();
                if !members.iter().any(|member| member["u"] == d["u"]) {
                    members.push(json!({"u": d["u"]}));
                }
                for member in members.iter_mut().filter(|member| member["u"] == d["u"]) {
                    if let Some(role) = d.get("role") {
                        member["role"] = role.clone();
                    }
                    match change {
                        "joined" => member["status"] = json!("active"),
                        "left" | "removed" => {
                            member["status"] = json!("left");
                            member["role"] = json!("member");
                        }
                        _ => {}
                    }
                }
                self.facts["members"] = json!(members);
            }
            _ => {}
        }
    }

    /// What is known of the chat's name and people.
    pub fn membership(&self) -> Value {
        let people = self.facts["members"].as_array().into_iter().flatten();
        let people: BTreeMap<String, Value> =
            people.map(|it| (it["u"].to_string(), json!([it["role"], it["status"]]))).collect();
        json!({"name": self.facts["name"], "status": self.facts["status"], "people": people})
    }

    /// The messages known, as (position, text).
    pub fn texts(&self) -> Vec<String> {
        self.events
            .values()
            .filter(|event| event["op"] == "message")
            .map(|event| event["d"]["text"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

/// An event reduced to what all its recipients must agree on: without its channel, and without the client id,
/// which is news only to its author's devices.
pub fn plain(event: &Value) -> Value {
    let mut plain = event.clone();
    if let Some(fields) = plain.as_object_mut() {
        fields.remove("ch");
        if let Some(data) = fields.get_mut("d").and_then(Value::as_object_mut) {
            data.remove("cid");
            data.retain(|_, value| !value.is_null());
            if fields["op"] == "message"
                && let Some(data) = fields.get_mut("d").and_then(Value::as_object_mut)
            {
                data.entry("kind").or_insert(json!("user"));
            }
        }
    }
    plain
}

fn text(value: &Value, field: &str) -> Result<String, Complaint> {
    value[field].as_str().map(str::to_owned).ok_or_else(|| format!("{field} should be a text in {value}"))
}

fn number(value: &Value, field: &str) -> Result<u64, Complaint> {
    value[field].as_u64().ok_or_else(|| format!("{field} should be a count in {value}"))
}

fn flag(value: &Value, field: &str) -> Result<bool, Complaint> {
    value[field].as_bool().ok_or_else(|| format!("{field} should be true or false in {value}"))
}

fn list<'v>(value: &'v Value, field: &str) -> Result<&'v [Value], Complaint> {
    value[field].as_array().map(Vec::as_slice).ok_or_else(|| format!("{field} should be a list in {value}"))
}

#[cfg(test)]
mod complains {
    use super::*;

    fn chat(head: u64, initial: bool, seqs: &[u64]) -> Value {
        let events: Vec<Value> = seqs
            .iter()
            .map(|seq| json!({"op": "message", "seq": seq, "ts": 1, "d": {"text": seq.to_string()}}))
            .collect();
        json!({"id": "c", "head": head, "initial": initial, "events": events, "members": []})
    }

    fn reply(chat: &Value) -> Value {
        json!({"epoch": "e", "me": {"id": "me"}, "user": {"seq": 0, "recovered": "full", "events": []}, "chats": [chat]})
    }

    fn at(head: u64) -> Mirror {
        let mut mirror = Mirror::default();
        mirror.connected(&reply(&chat(head, true, &[head]))).expect("a sound reply");
        mirror
    }

    fn event(seq: u64) -> Value {
        json!({"op": "message", "ch": "chat:c", "seq": seq, "ts": 1, "d": {"text": "t"}})
    }

    #[test]
    fn not_about_the_next_event() {
        assert_eq!(at(4).frame(&event(5)), Ok(()));
    }

    #[test]
    fn about_a_hole() {
        assert!(at(4).frame(&event(6)).is_err());
    }

    #[test]
    fn about_a_repetition() {
        assert!(at(4).frame(&event(4)).is_err());
    }

    #[test]
    fn about_a_resume_that_leaves_a_hole() {
        assert!(at(4).connected(&reply(&chat(7, false, &[6, 7]))).is_err());
        assert!(at(4).connected(&reply(&chat(7, false, &[5, 6]))).is_err());
        assert!(at(4).connected(&reply(&chat(7, false, &[]))).is_err());
        assert_eq!(at(4).connected(&reply(&chat(7, false, &[5, 6, 7]))), Ok(()));
    }

    #[test]
    fn about_a_snapshot_that_does_not_reach_the_head() {
        assert!(at(4).connected(&reply(&chat(9, true, &[7, 8]))).is_err());
        assert_eq!(at(4).connected(&reply(&chat(9, true, &[8, 9]))), Ok(()));
    }

    #[test]
    fn about_an_answer_out_of_its_place() {
        let sent = json!({"cid": "1", "text": "t"});
        assert!(at(4).acked("c", &sent, &json!({"seq": 6, "n": 6, "mid": "m", "ts": 1, "dup": false})).is_err());
        assert!(at(4).acked("c", &sent, &json!({"seq": 4, "n": 4, "mid": "m", "ts": 1, "dup": false})).is_err());
        assert_eq!(at(4).acked("c", &sent, &json!({"seq": 2, "n": 2, "mid": "m", "ts": 1, "dup": true})), Ok(()));
        assert_eq!(at(4).acked("c", &sent, &json!({"seq": 5, "n": 5, "mid": "m", "ts": 1, "dup": false})), Ok(()));
    }

    #[test]
    fn about_a_marker_that_goes_back() {
        let mut mirror = at(4);
        let marker = |read: u64| json!({"op": "marker", "ch": "chat:c", "d": {"u": "x", "read": read, "recv": read}});
        assert_eq!(mirror.frame(&marker(3)), Ok(()));
        assert!(mirror.frame(&marker(2)).is_err());
    }

    #[test]
    fn about_a_head_that_was_not_sent() {
        assert!(at(4).frame(&json!({"op": "ping", "h": {"user": 0, "chat:c": 5}})).is_err());
        assert_eq!(at(4).frame(&json!({"op": "ping", "h": {"user": 0, "chat:c": 4}})), Ok(()));
    }
}
