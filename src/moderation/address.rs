//! Links and e-mail addresses: labels joined by dots and at-signs, in whatever way those are written or said.

mod links;

use super::lex::{Kind, Lexed, Token, is};
use super::policy::Policy;
use super::{Category, Finding};

/// Labels that are read together at most.
const LABELS_MAX: usize = 12;
/// Chunks of one label at most.
const CHUNKS_MAX: usize = 12;
/// Tokens of a link that are underlined at most.
const LINK_TOKENS_MAX: usize = 200;

/// Letters, digits, hyphens and underscores in one piece.
#[derive(Clone, Copy, Debug)]
struct Label {
    first: usize,
    last: usize,
    from: usize,
    to: usize,
}

/// How a dot is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dot {
    Tight,
    Spaced,
    Bracket,
    Said,
    Comma,
}

/// How an at-sign is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Sign,
    Spaced,
    /// In brackets, or a word that means nothing else.
    Clear,
    Weak,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joint {
    Dot(Dot),
    At(At),
}

/// How much an end says that what it ends is a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    None,
    /// Also a word, or the end of a file's name.
    Weak,
    Known,
    Generic,
}

/// Labels and what joins them: `joints[i]` stands between `labels[i]` and `labels[i + 1]`.
#[derive(Debug, Default)]
struct Chain {
    labels: Vec<Label>,
    joints: Vec<Joint>,
}

/// The links and addresses of a text.
pub(super) fn find(lexed: &Lexed, policy: &Policy, found: &mut Vec<Finding>) {
    if lexed.joints == 0 && lexed.bits & (is::DOT | is::AT_STRONG | is::AT_WEAK | is::PROVIDER) == 0 {
        return;
    }
    let reader = Reader { lexed, policy };
    let mut index = 0;
    while let Some(token) = lexed.get(index) {
        index = if token.is_chunk() { reader.at(index, found) } else { index + 1 };
    }
}

struct Reader<'a> {
    lexed: &'a Lexed,
    policy: &'a Policy,
}

impl Reader<'_> {
    /// Reads from a chunk on and says where to go on.
    fn at(&self, index: usize, found: &mut Vec<Finding>) -> usize {
        if self.lexed.colons > 0
            && let Some(next) = self.scheme(index, found)
        {
            return next;
        }
        let Some(label) = self.label(index) else { return index + 1 };
        if self.joint(label.last + 1).is_none() {
            found.extend(self.provider(index).or_else(|| self.glued(&label)).or_else(|| self.bare_path(index)));
            return label.last + 1;
        }
        let chain = self.chain(index);
        let Some(last) = chain.labels.last().copied() else { return index + 1 };
        let mut from = 0;
        for (at, joint) in chain.joints.iter().enumerate() {
            let Joint::At(how) = joint else { continue };
            if at < from {
                continue;
            }
            if let Some(end) = self.email(&chain, at, *how) {
                let start = chain.labels.get(Self::local_from(&chain, at, from));
                let (Some(start), Some(stop)) = (start, chain.labels.get(end)) else { continue };
                found.push(Finding {
                    id: email_id(&chain, at, end),
                    category: Category::Email,
                    from: start.from,
                    to: stop.to,
                });
                from = end + 1;
            }
        }
        while from < chain.labels.len() {
            let more = chain.joints.iter().skip(from).take_while(|joint| matches!(joint, Joint::Dot(_))).count();
            let to = from + more;
            self.links(&chain, from, to, found);
            from = to + 1;
        }
        self.after(last.last + 1)
    }

    /// Past a path that belongs to the link.
    fn after(&self, index: usize) -> usize {
        if self.lexed.get(index).is_some_and(|token| token.is_mark(b'/')) { self.path_end(index) } else { index }
    }

    /// The token after everything up to the next white space.
    fn path_end(&self, index: usize) -> usize {
        let more =
            self.lexed.tokens.iter().skip(index).take(LINK_TOKENS_MAX).take_while(|token| !token.is_space()).count();
        index + more
    }

    fn byte_before(&self, index: usize) -> usize {
        index.checked_sub(1).and_then(|last| self.lexed.get(last)).map_or(0, |token| token.to)
    }

    /// `https://`, `hxxp[:]//`, `mailto:`; the token after what was read.
    fn scheme(&self, index: usize, found: &mut Vec<Finding>) -> Option<usize> {
        let token = self.lexed.get(index)?;
        let word = self.lexed.word(token);
        let mut at = index + 1;
        let (mut colon, mut slashes) = (false, 0);
        while let Some(next) = self.lexed.get(at).filter(|_| at < index + 10) {
            match next.kind {
                Kind::Mark(b':') if !colon => colon = true,
                Kind::Mark(b'/' | b'\\') if colon => slashes += 1,
                Kind::Mark(b'[' | b']' | b'(' | b')') | Kind::Space if colon || at == index + 1 => {}
                _ => break,
            }
            at += 1;
        }
        let web = word.len() >= 3
            && (word.starts_with("ht") || word.starts_with("hx"))
            && (word.ends_with('p') || word.ends_with("ps"));
        let tight = self.lexed.slice(token.to, token.to + 3) == "://";
        let other = matches!(word, "tel" | "sms" | "skype" | "whatsapp" | "tg" | "facetime")
            && self.lexed.get(index + 1).is_some_and(|next| next.is_mark(b':'))
            && self.lexed.get(index + 2).is_some_and(|next| {
                next.is_chunk() && word != "tel" && word != "skype" && word != "whatsapp" && word != "facetime"
            });
        if !(colon && (tight || (web && slashes >= 1)) || other) {
            return None;
        }
        self.lexed.get(at).filter(|next| next.is_chunk())?;
        let end = self.path_end(at);
        if other || !self.host_allowed(at, end) || !matches!(word, "http" | "https") {
            found.push(Finding {
                id: "links.scheme",
                category: Category::Links,
                from: token.from,
                to: self.byte_before(end),
            });
        }
        Some(end)
    }

    /// Whether the host between here and the path is one that passes, written plainly.
    fn host_allowed(&self, from: usize, end: usize) -> bool {
        let Some(tokens) = self.lexed.tokens.get(from..end) else { return false };
        let host =
            tokens.split(|token| matches!(token.kind, Kind::Mark(b'/' | b'?' | b'#'))).next().unwrap_or_default();
        let (Some(first), Some(last)) = (host.first(), host.last()) else { return false };
        let text = self.lexed.slice(first.from, last.to);
        !text.contains(['@', ':', '\\'])
            && self.lexed.folded.is_plain(first.from, last.to)
            && self.policy.allows(text.trim_end_matches('.'))
    }

    fn label(&self, index: usize) -> Option<Label> {
        let first = self.lexed.get(index).filter(|token| token.is_chunk())?;
        let mut label = Label { first: index, last: index, from: first.from, to: first.to };
        for _ in 0..CHUNKS_MAX {
            let (mark, next) = (self.lexed.get(label.last + 1), self.lexed.get(label.last + 2));
            let (Some(mark), Some(next)) = (mark, next) else { break };
            let joins = matches!(mark.kind, Kind::Mark(b'-' | b'_' | b'+')) && next.is_chunk();
            if !joins || next.is(is::DOT | is::AT_STRONG | is::AT_WEAK) {
                break;
            }
            label.last += 2;
            label.to = next.to;
        }
        Some(label)
    }

    fn chain(&self, index: usize) -> Chain {
        let mut chain = Chain::default();
        let mut at = index;
        while let Some(label) = self.label(at) {
            chain.labels.push(label);
            if chain.labels.len() >= LABELS_MAX {
                break;
            }
            let Some((joint, next)) = self.joint(label.last + 1) else { break };
            chain.joints.push(joint);
            at = next;
        }
        chain.joints.truncate(chain.labels.len().saturating_sub(1));
        chain
    }

    /// What joins the label before this token with the one that follows.
    fn joint(&self, index: usize) -> Option<(Joint, usize)> {
        let first = self.lexed.get(index)?;
        if first.is_chunk() || first.kind == Kind::Other {
            return None;
        }
        let (before, at) = self.decoration(index);
        let core = self.lexed.get(at)?;
        let (after, next) = self.decoration(at + 1);
        if !self.lexed.get(next)?.is_chunk() {
            return None;
        }
        let bracket = before.open && after.close;
        let apart = before.space || after.space || before.line || after.line;
        let framed =
            bracket || ((before.space || before.mark || before.line) && (after.space || after.mark || after.line));
        let joint = match core.kind {
            Kind::Mark(b'.') if bracket => Joint::Dot(Dot::Bracket),
            Kind::Mark(b'.') if before.none() && after.none() => Joint::Dot(Dot::Tight),
            Kind::Mark(b'.') if apart && !before.line && !after.line => Joint::Dot(Dot::Spaced),
            Kind::Mark(b',') if before.none() && after.none() => Joint::Dot(Dot::Comma),
            Kind::Mark(b'@') if bracket => Joint::At(At::Clear),
            Kind::Mark(b'@') if before.none() && after.none() => Joint::At(At::Sign),
            Kind::Mark(b'@') => Joint::At(At::Spaced),
            Kind::Word | Kind::Mixed if core.is(is::DOT) && bracket => Joint::Dot(Dot::Bracket),
            Kind::Word | Kind::Mixed if core.is(is::DOT) && framed => Joint::Dot(Dot::Said),
            Kind::Word if core.is(is::AT_STRONG) && framed => Joint::At(At::Clear),
            Kind::Word if core.is(is::AT_WEAK) && bracket => Joint::At(At::Clear),
            Kind::Word if core.is(is::AT_WEAK) && framed && (before.mark && after.mark) => Joint::At(At::Clear),
            Kind::Word if core.is(is::AT_WEAK) && framed => Joint::At(At::Weak),
            Kind::Word if bracket && self.lexed.word(core) == "a" => Joint::At(At::Clear),
            _ => return None,
        };
        Some((joint, next))
    }

    fn decoration(&self, index: usize) -> (Decoration, usize) {
        let mut decoration = Decoration::default();
        let mut at = index;
        while let Some(token) = self.lexed.get(at).filter(|_| at < index + 4) {
            match token.kind {
                Kind::Space | Kind::Break => decoration.space = true,
                Kind::Line => decoration.line = true,
                Kind::Mark(b'(' | b'[' | b'{' | b'<') => decoration.open = true,
                Kind::Mark(b')' | b']' | b'}' | b'>') => decoration.close = true,
                Kind::Mark(b'-' | b'_' | b'*' | b'\'' | b'"' | b'~' | b'|' | b'\\' | b'/' | b'+' | b'=' | b'#') => {
                    decoration.mark = true;
                }
                _ => break,
            }
            at += 1;
        }
        (decoration, at)
    }

    fn word(&self, label: &Label) -> &str {
        self.lexed.slice(label.from, label.to)
    }

    /// The only token of a label.
    fn single(&self, label: &Label) -> Option<&Token> {
        if label.first == label.last { self.lexed.get(label.first) } else { None }
    }

    fn is(&self, label: &Label, class: u32) -> bool {
        self.single(label).is_some_and(|token| token.is(class))
    }

    /// Letters only, with a capital and then none: the first word of a sentence.
    fn is_title(&self, label: &Label) -> bool {
        self.lexed.folded.is_upper(label.from)
            && label.to > label.from + 1
            && !self.lexed.folded.is_upper(label.from + 1)
    }

    fn end(&self, label: &Label) -> End {
        let word = self.word(label);
        if word.len() < 2 || (label.first != label.last && !word.starts_with("xn--")) {
            return End::None;
        }
        if matches!(word, "nl" | "com" | "org" | "net" | "eu") {
            return End::Generic;
        }
        let known = psl::suffix(word.as_bytes()).is_some_and(|suffix| {
            suffix.is_known() && suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == word.as_bytes()
        });
        let word_too = self.is(label, is::COMMON | is::STOP | is::FILE_TLD | is::NUMBER);
        match (known, word_too) {
            (false, _) => End::None,
            (true, true) => End::Weak,
            (true, false) => End::Known,
        }
    }

    /// Whether a name could be that of a person or a site: no everyday word.
    fn is_name(&self, label: &Label) -> bool {
        match self.single(label) {
            None => true,
            Some(token) if token.kind == Kind::Digits => false,
            Some(token) => {
                let word = self.lexed.word(token);
                let everyday = token.is(is::COMMON | is::STOP | is::NUMBER | is::AT_WEAK);
                let ending = ["lijk", "lijke", "heid", "igheid", "tje", "tjes", "ingen", "ness", "ious", "atie"];
                !everyday
                    && word.len() > 1
                    && !ending.iter().any(|ending| word.len() > ending.len() + 2 && word.ends_with(ending))
            }
        }
    }

    /// Looks like a name that somebody chose for an account.
    fn is_chosen(&self, label: &Label) -> bool {
        label.first != label.last || self.single(label).is_some_and(|token| token.kind == Kind::Mixed)
    }

    /// Where the local part begins: at a name's dots, not at the words of the sentence.
    fn local_from(chain: &Chain, at: usize, least: usize) -> usize {
        let dots = chain
            .joints
            .iter()
            .take(at)
            .rev()
            .take_while(|joint| matches!(joint, Joint::Dot(Dot::Tight | Dot::Said | Dot::Bracket)));
        (at - dots.count()).max(least)
    }

    /// Whether what stands around an at is an address: the last label that belongs to it.
    fn email(&self, chain: &Chain, at: usize, how: At) -> Option<usize> {
        let (local, domain) = (chain.labels.get(at)?, chain.labels.get(at + 1)?);
        let dots = chain.joints.iter().skip(at + 1).take_while(|joint| matches!(joint, Joint::Dot(_))).count();
        let ends = (at + 2..=at + 1 + dots).rev();
        let provider = self.is(domain, is::PROVIDER) || self.is_glued_provider(domain);
        let mut best = None;
        for end in ends {
            let (Some(label), Some(Joint::Dot(dot))) = (chain.labels.get(end), chain.joints.get(end - 1)) else {
                continue;
            };
            let kind = self.end(label);
            let fine = match dot {
                Dot::Tight => kind > End::None && (kind >= End::Known || !self.is_title(label)),
                Dot::Bracket => kind > End::None,
                Dot::Said => {
                    kind == End::Generic
                        || self.is(label, is::SAID_TLD)
                        || (kind > End::None && (how != At::Weak || provider))
                }
                Dot::Spaced => {
                    kind == End::Generic || (self.is(label, is::SAID_TLD) && !self.lexed.folded.is_upper(label.from))
                }
                Dot::Comma => kind == End::Generic,
            };
            if fine {
                best = Some((end, *dot));
                break;
            }
        }
        match (how, best) {
            (At::Sign | At::Clear, Some((end, _))) => Some(end),
            (At::Sign | At::Clear, None) if provider => Some(at + 1),
            (At::Spaced, Some((end, dot))) => {
                let place = dot == Dot::Tight && !self.is_name(local) && !provider;
                (!place).then_some(end)
            }
            (At::Spaced, None) if provider && self.is_name(local) => Some(at + 1),
            (At::Weak, Some((end, _))) if provider => Some(end),
            (At::Weak, Some((end, dot))) if self.is_name(local) || Self::has_dots(chain, at) => {
                let at_word = self.lexed.get(local.last + 2).is_some_and(|token| self.lexed.word(token) == "at");
                (at_word && (dot != Dot::Tight || self.is_chosen(local)) && dot != Dot::Comma).then_some(end)
            }
            (At::Weak, None)
                if provider
                    && (self.is_chosen(local)
                        || (self.is_name(local) && !self.is_title(local))
                        || Self::has_dots(chain, at)) =>
            {
                Some(at + 1)
            }
            _ => None,
        }
    }

    fn has_dots(chain: &Chain, at: usize) -> bool {
        at > 0 && chain.joints.get(at - 1).is_some_and(|joint| *joint == Joint::Dot(Dot::Tight))
    }

    fn is_glued_provider(&self, label: &Label) -> bool {
        let word = self.word(label);
        ["com", "nl", "dotcom", "puntcom", "puntnl", "dotnl"]
            .iter()
            .filter_map(|end| word.strip_suffix(end))
            .any(|name| super::lex::known(name).bits & is::PROVIDER != 0)
    }

    /// `jandevries gmail com`, `gmail: jandevries99`.
    fn provider(&self, index: usize) -> Option<Finding> {
        let token = self.lexed.get(index).filter(|token| token.is(is::PROVIDER))?;
        let email =
            |from: usize, to: usize| Some(Finding { id: "email.provider", category: Category::Email, from, to });
        let next = self.lexed.skip_space(index + 1);
        let after = self.lexed.get(next).unwrap_or(token);
        if next > index + 1 && matches!(self.lexed.word(after), "com" | "nl") {
            let before = self.lexed.words_before(index, 1).next();
            return email(before.map_or(token.from, |before| before.from), after.to);
        }
        let before = self.lexed.words_before(index, 1).next();
        let alone = self.lexed.tokens.iter().skip(index + 1).all(|token| !token.is_chunk());
        if let Some(before) = before.filter(|before| alone && before.kind == Kind::Mixed && before.to + 1 == token.from)
        {
            return email(before.from, token.to);
        }
        let mut at = next;
        let mut joined = false;
        for _ in 0..3 {
            let here = self.lexed.get(at)?;
            if here.is_mark(b':') || here.is_mark(b'=') || here.is(is::CONNECTS) {
                joined = true;
                at = self.lexed.skip_space(at + 1);
            }
        }
        let label = self
            .label(at)
            .filter(|label| joined && self.is_chosen(label) && !self.lexed.word_is_number(label.first))?;
        email(token.from, label.to)
    }

    /// `kamernetpuntnl`, `gmaildotcom`.
    fn glued(&self, label: &Label) -> Option<Finding> {
        let word = self.word(label);
        let name = ["dotcom", "puntcom", "puntnl", "dotnl", "dotorg", "puntorg"]
            .iter()
            .find_map(|end| word.strip_suffix(end))?;
        let finding = Finding { id: "links.said", category: Category::Links, from: label.from, to: label.to };
        (name.len() > 2).then_some(finding)
    }

    /// `wa me/31612345678`, `discord gg/abc`.
    fn bare_path(&self, index: usize) -> Option<Finding> {
        let token = self.lexed.get(index)?;
        let end = match self.lexed.word(token) {
            "wa" | "t" | "m" => "me",
            "discord" => "gg",
            "bit" => "ly",
            _ => return None,
        };
        let next = self.lexed.skip_space(index + 1);
        let path = self.lexed.get(next).is_some_and(|next| self.lexed.word(next) == end)
            && self.lexed.get(next + 1).is_some_and(|slash| slash.is_mark(b'/'))
            && self.lexed.get(next + 2).is_some_and(Token::is_chunk);
        let to = self.byte_before(self.path_end(next));
        path.then_some(Finding { id: "links.invite", category: Category::Links, from: token.from, to })
    }
}

/// What is around a joint.
#[derive(Clone, Copy, Debug, Default)]
struct Decoration {
    space: bool,
    line: bool,
    open: bool,
    close: bool,
    mark: bool,
}

impl Decoration {
    fn none(self) -> bool {
        !(self.space || self.line || self.open || self.close || self.mark)
    }
}

fn email_id(chain: &Chain, at: usize, end: usize) -> &'static str {
    let plain = chain.joints.iter().skip(at + 1).take(end - at - 1).all(|joint| *joint == Joint::Dot(Dot::Tight));
    if plain && chain.joints.get(at) == Some(&Joint::At(At::Sign)) { "email.address" } else { "email.disguised" }
}
