//! Which labels that are joined by dots are the address of a page.

use super::super::lex::{self, Kind, Token, is};
use super::super::{Category, Finding};
use super::{Chain, Dot, End, Joint, Label, Reader};

impl Reader<'_> {
    /// The links among labels that are joined by dots.
    pub(super) fn links(&self, chain: &Chain, from: usize, to: usize, found: &mut Vec<Finding>) {
        let mut start = from;
        while start < to {
            let hit = (start + 1..=to).rev().find_map(|end| self.link(chain, start, end).map(|id| (end, id)));
            let Some((end, id)) = hit else {
                start += 1;
                continue;
            };
            let (Some(first), Some(last)) = (chain.labels.get(start), chain.labels.get(end)) else { return };
            let stop = self.path_end(last.last + 1);
            let path =
                self.lexed.get(last.last + 1).is_some_and(|token| matches!(token.kind, Kind::Mark(b'/' | b':' | b'?')));
            let stop = if path { stop } else { last.last + 1 };
            if !self.passes(chain, start, end, stop) {
                // A provider's name alone is half of an address.
                let mailbox = !path && chain.labels.get(end - 1).is_some_and(|name| self.is(name, is::PROVIDER));
                let (id, category) = if mailbox { ("email.provider", Category::Email) } else { (id, Category::Links) };
                found.push(Finding { id, category, from: first.from, to: self.byte_before(stop).max(last.to) });
            }
            start = end + 1;
        }
    }

    /// Whether these labels are a domain that the policy lets pass, or a brand that is called by its domain.
    fn passes(&self, chain: &Chain, start: usize, end: usize, stop: usize) -> bool {
        let (Some(first), Some(last)) = (chain.labels.get(start), chain.labels.get(end)) else { return false };
        let tight = chain.joints.iter().skip(start).take(end - start).all(|joint| *joint == Joint::Dot(Dot::Tight));
        if !tight || !self.lexed.folded.is_plain(first.from, last.to) {
            return false;
        }
        let before = first.first.checked_sub(1).and_then(|before| self.lexed.get(before));
        if before.is_some_and(|before| before.is_mark(b'@')) {
            return false;
        }
        let host = self.lexed.slice(first.from, last.to);
        let brand = stop == last.last + 1 && lex::is_brand(host);
        let tail = self.lexed.slice(last.to, self.byte_before(stop).max(last.to));
        brand || (self.policy.allows(host) && !tail.contains(['@', '\\']) && !tail.starts_with(':'))
    }

    /// Whether these labels are a domain, and by which rule.
    fn link(&self, chain: &Chain, start: usize, end: usize) -> Option<&'static str> {
        let (first, name, last) = (chain.labels.get(start)?, chain.labels.get(end - 1)?, chain.labels.get(end)?);
        let Some(Joint::Dot(dot)) = chain.joints.get(end - 1).copied() else { return None };
        let tight = chain.joints.iter().skip(start).take(end - start).all(|joint| *joint == Joint::Dot(Dot::Tight));
        let next = self.lexed.get(last.last + 1);
        let after_next = self.lexed.get(last.last + 2);
        let path = after_next
            .is_some_and(|token| token.is_chunk() || matches!(token.kind, Kind::Mark(b'+' | b'@' | b'_')))
            && next.is_some_and(|next| {
                next.is_mark(b'/')
                    || next.is_mark(b'?')
                    || (next.is_mark(b':')
                        && after_next.is_some_and(|port| port.kind == Kind::Digits && port.to - port.from >= 2))
            });
        if end - start == 3 && tight && self.is_ip(chain, start, path) {
            return Some("links.ip");
        }
        if self.word(first) == "www" && (end - start >= 2 || dot == Dot::Tight) {
            return Some("links.www");
        }
        let kind = self.end(last);
        if kind == End::None || self.single(name).is_some_and(|token| token.kind == Kind::Digits && !path) {
            return None;
        }
        let name_word = self.word(name);
        let deep = end - start >= 2;
        match dot {
            Dot::Tight => {
                if path && (!self.is_title(last) || kind == End::Generic) && self.path_fits(last) {
                    return Some("links.path");
                }
                if name_word.len() == 1 && kind != End::Generic {
                    return None;
                }
                if self.is_title(last) && !(kind == End::Generic && self.is_name(name)) {
                    return None;
                }
                let file = self.lexed.get(last.last + 1).is_some_and(|dot| dot.is_mark(b'.'))
                    && self.lexed.get(last.last + 2).is_some_and(Token::is_chunk);
                if file && kind < End::Generic && !path {
                    return None;
                }
                let telling = (name_word.contains('-') || self.is_chosen(name))
                    && kind >= End::Weak
                    && !self.is(last, is::FILE_TLD);
                let brief = name_word.len() < 4 && self.is(last, is::COMMON | is::STOP);
                let named = self.is_name(name) && !brief && !self.is(last, is::FILE_TLD) && !self.goes_on(name, last);
                let cued = self.lexed.words_before(first.first, 3).any(|token| token.is(is::LINK_CUE))
                    && self.is_name(name)
                    && !self.is(last, is::FILE_TLD);
                let subdomain = deep && !self.is(last, is::COMMON | is::STOP | is::FILE_TLD);
                (kind >= End::Known || telling || named || cued || subdomain).then_some("links.domain")
            }
            Dot::Bracket => Some("links.defanged"),
            Dot::Said => {
                let said = kind == End::Generic || self.is(last, is::SAID_TLD);
                let weak = kind == End::Weak && !self.is_name(name);
                (said && !weak && !self.is(name, is::STOP | is::DOT)).then_some("links.said")
            }
            Dot::Spaced => {
                let closes = next.is_none_or(|next| {
                    !next.is_space() || self.lexed.get(last.last + 2).is_none_or(|word| !word.is_chunk())
                });
                let gap_before = self.lexed.get(name.last + 1).is_some_and(Token::is_space);
                let lower = !self.lexed.folded.is_upper(last.from);
                let said = kind == End::Generic || (kind >= End::Known && self.is(last, is::SAID_TLD));
                let named = said && self.is_name(name) && (closes || gap_before || path);
                let slash =
                    self.lexed.get(self.lexed.skip_space(last.last + 1)).is_some_and(|token| token.is_mark(b'/'));
                (lower && (named || ((path || slash) && gap_before && self.path_fits(last)))).then_some("links.spaced")
            }
            Dot::Comma => {
                let fine = kind == End::Generic
                    && self.is_name(name)
                    && name_word.len() >= 4
                    && !self.lexed.folded.is_upper(last.from);
                fine.then_some("links.comma")
            }
        }
    }

    /// `en/of` after a full stop without a space is no path: what is before the slash must not be an everyday word.
    fn path_fits(&self, last: &Label) -> bool {
        let after = self.lexed.get(last.last + 2);
        !(self.is(last, is::COMMON | is::STOP) && after.is_some_and(|token| token.is(is::COMMON | is::STOP)))
    }

    /// A sentence goes on after a word that is also an end of domains: `Eindhoven.is dat ver`.
    fn goes_on(&self, name: &Label, last: &Label) -> bool {
        let next = self.lexed.get(last.last + 1);
        let word = self.lexed.get(last.last + 2);
        let on =
            next.is_some_and(Token::is_space) && word.is_some_and(|word| word.is(is::COMMON | is::STOP | is::NUMBER));
        let neighbour = matches!(self.word(last), "de" | "be" | "io" | "co") && !self.is_title(name);
        self.is(last, is::COMMON | is::STOP) && !neighbour && (on || self.is_title(name))
    }

    /// Four octets that are no version.
    fn is_ip(&self, chain: &Chain, start: usize, path: bool) -> bool {
        let octets: Vec<Option<u8>> = chain
            .labels
            .iter()
            .skip(start)
            .take(4)
            .map(|label| {
                self.single(label)
                    .filter(|token| token.kind == Kind::Digits)
                    .and_then(|token| self.lexed.word(token).parse().ok())
            })
            .collect();
        let valid = octets.iter().all(Option::is_some);
        let local = matches!(octets.as_slice(), [Some(10 | 127), ..] | [Some(192), Some(168), ..]);
        let big = octets.iter().flatten().filter(|octet| **octet > 31).count();
        valid && (path || (!local && big >= 2))
    }
}
