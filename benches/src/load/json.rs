//! A cursor over one JSON text: enough to walk the objects a server sends,
//! without allocating and without depending on the order of their keys.

pub struct Cur<'a> {
    b: &'a [u8],
    pub i: usize,
}

impl<'a> Cur<'a> {
    pub fn new(b: &'a [u8]) -> Cur<'a> {
        Cur { b, i: 0 }
    }

    #[inline]
    fn peek(&mut self) -> u8 {
        while self.i < self.b.len() && matches!(self.b[self.i], b' ' | b'\n' | b'\r' | b'\t' | b',' | b':') {
            self.i += 1;
        }
        self.b.get(self.i).copied().unwrap_or(0)
    }

    /// Steps into an object or array; false (and no move) if it is not one.
    #[inline]
    pub fn enter(&mut self, open: u8) -> bool {
        if self.peek() == open {
            self.i += 1;
            return true;
        }
        false
    }

    /// The next key of the object, or None at its end, which it steps over.
    #[inline]
    pub fn key(&mut self) -> Option<&'a [u8]> {
        match self.peek() {
            b'"' => self.str(),
            b'}' => {
                self.i += 1;
                None
            }
            _ => {
                self.i = self.b.len();
                None
            }
        }
    }

    /// True while the array has another element; steps over its end.
    pub fn more(&mut self) -> bool {
        match self.peek() {
            b']' => {
                self.i += 1;
                false
            }
            0 => false,
            _ => true,
        }
    }

    /// A string's raw inside (escapes left as they are); None, skipping the
    /// value, if it is something else.
    #[inline]
    pub fn str(&mut self) -> Option<&'a [u8]> {
        if self.peek() != b'"' {
            self.skip();
            return None;
        }
        let start = self.i + 1;
        // Keys and short values: no call is worth it.
        let mut at = start;
        for &c in self.b[start..].iter().take(12) {
            match c {
                b'"' => {
                    self.i = at + 1;
                    return Some(&self.b[start..at]);
                }
                b'\\' => break,
                _ => at += 1,
            }
        }
        let mut at = start;
        loop {
            let rest = &self.b[at..];
            let q = if rest.is_empty() {
                std::ptr::null()
            } else {
                unsafe { libc::memchr(rest.as_ptr() as *const _, b'"' as i32, rest.len()) as *const u8 }
            };
            if q.is_null() {
                self.i = self.b.len();
                return None;
            }
            let end = at + (q as usize - rest.as_ptr() as usize);
            let slashes = self.b[start..end].iter().rev().take_while(|c| **c == b'\\').count();
            if slashes % 2 == 0 {
                self.i = end + 1;
                return Some(&self.b[start..end]);
            }
            at = end + 1;
        }
    }

    /// A non-negative integer; None, skipping the value, otherwise.
    #[inline]
    pub fn num(&mut self) -> Option<u64> {
        if !self.peek().is_ascii_digit() {
            self.skip();
            return None;
        }
        let mut v = 0u64;
        while let Some(c) = self.b.get(self.i).filter(|c| c.is_ascii_digit()) {
            v = v.wrapping_mul(10).wrapping_add((c - b'0') as u64);
            self.i += 1;
        }
        Some(v)
    }

    /// Any value, as raw text.
    pub fn raw(&mut self) -> &'a [u8] {
        self.peek();
        let s = self.i;
        self.skip();
        &self.b[s..self.i.min(self.b.len())]
    }

    pub fn skip(&mut self) {
        match self.peek() {
            b'"' => {
                self.str();
            }
            b'{' | b'[' => {
                let mut depth = 0;
                while self.i < self.b.len() {
                    match self.b[self.i] {
                        b'"' => {
                            self.str();
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => {
                            depth -= 1;
                            if depth == 0 {
                                self.i += 1;
                                return;
                            }
                        }
                        _ => {}
                    }
                    self.i += 1;
                }
            }
            _ => {
                while self.i < self.b.len() && !matches!(self.b[self.i], b',' | b'}' | b']' | b' ' | b'\n') {
                    self.i += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_in_any_order() {
        let t = br#" {"d" : {"x":[1,{"text":"no"}],"text":"a\"b\\"} , "n":null,"seq":12,"f":-1.5,"op":"message"} "#;
        let mut j = Cur::new(t);
        assert!(j.enter(b'{'));
        let (mut text, mut seq, mut op) = (None, None, None);
        while let Some(k) = j.key() {
            match k {
                b"d" if j.enter(b'{') => {
                    while let Some(k) = j.key() {
                        if k == b"text" { text = j.str() } else { j.skip() }
                    }
                }
                b"seq" => seq = j.num(),
                b"op" => op = j.str(),
                _ => j.skip(),
            }
        }
        assert_eq!(text, Some(&br#"a\"b\\"#[..]));
        assert_eq!(seq, Some(12));
        assert_eq!(op, Some(&b"message"[..]));
    }

    #[test]
    fn ends_on_broken_text() {
        for t in [&b"{\"a"[..], b"{\"a\":", b"{\"a\":[", b"{", b"", b"[1", b"{1:2}", b"{\"a\":{\"b\":\"", b"{\"a\":1]"]
        {
            let mut j = Cur::new(t);
            if j.enter(b'{') {
                while j.key().is_some() {
                    j.skip();
                }
            }
        }
    }
}
