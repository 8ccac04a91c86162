//! Whether two globs may name one path.
//!
//! Both globs become small automata, and a search over pairs of their states looks for a path that both accept. Where a
//! construct is rich (classes, alternatives, `..`) the automaton accepts more than the glob does, so that an overlap is
//! never missed.

/// Whether some path may match both globs. Never says no wrongly; may say yes wrongly.
///
/// `*` and `?` stop at `/`, `**` does not. A glob also covers everything beneath what it matches (`src` covers
/// `src/a.rs`), and letters match in both cases. Sets (`[ab]`) and alternatives (`{a,b}`) count as anything that could
/// stand there.
///
/// ```
/// use astraea_taskgraph::globs_overlap;
///
/// assert!(globs_overlap("src/**", "src/a/b.rs"));
/// assert!(globs_overlap("**/*.rs", "src/*"));
/// assert!(!globs_overlap("src/**", "tests/**"));
/// assert!(!globs_overlap("src/*.rs", "src/a/b.rs"));
/// ```
pub fn globs_overlap(a: &str, b: &str) -> bool {
    Glob::new(a).overlaps(&Glob::new(b))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// This character.
    Literal(char),
    /// One character that is no `/`.
    One,
    /// One character of any kind.
    Any,
    /// Any number of characters that are no `/`.
    Star,
    /// Any number of characters.
    Deep,
    /// The next `n` tokens may be left out.
    Optional(usize),
}

/// A glob, compiled for [`overlaps`](Self::overlaps).
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    tokens: Vec<Token>,
    /// How many literals it begins with.
    literals: usize,
}

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        let mut tokens = Vec::with_capacity(text.len() + 3);
        let segments: Vec<&str> =
            text.split('/').filter(|segment| !segment.is_empty() && *segment != ".").collect();
        if segments.is_empty() || has_rich_slash(text) || segments.contains(&"..") {
            // The root itself, or something whose segments cannot be told apart: everything.
            return Self { tokens: vec![Token::Deep], literals: 0 };
        }
        for (n, segment) in segments.iter().enumerate() {
            let last = n + 1 == segments.len();
            if *segment == "**" {
                if last {
                    tokens.push(Token::Deep);
                } else {
                    tokens.extend([Token::Optional(2), Token::Deep, Token::Literal('/')]);
                }
                continue;
            }
            push_segment(&mut tokens, segment);
            if !last {
                // `a/**` also covers `a` itself.
                if segments[n + 1] == "**" && n + 2 == segments.len() {
                    break;
                }
                tokens.push(Token::Literal('/'));
            }
        }
        if tokens.last() != Some(&Token::Deep) {
            tokens.extend([Token::Optional(2), Token::Literal('/'), Token::Deep]);
        }
        let literals = tokens.iter().take_while(|t| matches!(t, Token::Literal(_))).count();
        Self { tokens, literals }
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        // Most pairs part before the first wildcard.
        let common = self.literals.min(other.literals);
        if self.tokens[..common] != other.tokens[..common] {
            return false;
        }
        let width = other.tokens.len() + 1;
        let mut seen = vec![false; (self.tokens.len() + 1) * width];
        let mut todo = vec![(0, 0)];
        while let Some((i, j)) = todo.pop() {
            if std::mem::replace(&mut seen[i * width + j], true) {
                continue;
            }
            let (a, b) = (self.tokens.get(i).copied(), other.tokens.get(j).copied());
            if a.is_none() && b.is_none() {
                return true;
            }
            // Moves that take no character.
            match a {
                Some(Token::Star | Token::Deep) => todo.push((i + 1, j)),
                Some(Token::Optional(n)) => todo.extend([(i + 1, j), (i + 1 + n, j)]),
                _ => {}
            }
            match b {
                Some(Token::Star | Token::Deep) => todo.push((i, j + 1)),
                Some(Token::Optional(n)) => todo.extend([(i, j + 1), (i, j + 1 + n)]),
                _ => {}
            }
            // A move that takes one character that both accept.
            if let (Some(a), Some(b)) = (a, b)
                && share_a_character(a, b)
            {
                todo.push((after(i, a), after(j, b)));
            }
        }
        false
    }
}

fn after(at: usize, token: Token) -> usize {
    if matches!(token, Token::Star | Token::Deep) { at } else { at + 1 }
}

fn share_a_character(a: Token, b: Token) -> bool {
    use Token::{Any, Deep, Literal, One, Optional, Star};
    match (a, b) {
        (Optional(_), _) | (_, Optional(_)) => false,
        (Literal(a), Literal(b)) => a == b,
        (Literal(c), One | Star) | (One | Star, Literal(c)) => c != '/',
        (One | Star | Any | Deep | Literal(_), Any | Deep)
        | (Any | Deep | One | Star, One | Star)
        | (Any | Deep, Literal(_)) => true,
    }
}

/// Whether a set or an alternative holds a `/`, so that splitting at `/` would tear it apart.
fn has_rich_slash(text: &str) -> bool {
    let mut depth = 0usize;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next() == Some('/') => return true,
            '\\' => {}
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            '/' if depth > 0 => return true,
            _ => {}
        }
    }
    false
}

fn push_segment(tokens: &mut Vec<Token>, segment: &str) {
    let mut chars = segment.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => {
                // `a**b` is no whole segment; some dialects let it cross `/`.
                let mut deep = false;
                while chars.peek() == Some(&'*') {
                    chars.next();
                    deep = true;
                }
                tokens.push(if deep { Token::Deep } else { Token::Star });
            }
            '?' => tokens.push(Token::One),
            '\\' => push_literal(tokens, chars.next().unwrap_or('\\')),
            // From here on anything: a set or an alternative, closed or not.
            '[' | '{' => {
                tokens.push(Token::Deep);
                let close = if c == '[' { ']' } else { '}' };
                let rest: String = chars.clone().collect();
                // Skip to the last closing bracket, so that nested ones are covered.
                if let Some(end) = rest.rfind(close) {
                    for _ in rest[..=end].chars() {
                        chars.next();
                    }
                } else {
                    return;
                }
            }
            c => push_literal(tokens, c),
        }
    }
}

fn push_literal(tokens: &mut Vec<Token>, c: char) {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(l), None) => tokens.push(Token::Literal(l)),
        _ => tokens.push(Token::Any),
    }
}

#[cfg(test)]
mod tests {
    use super::globs_overlap;

    #[test]
    fn overlap_is_seen() {
        for (a, b) in [
            ("a", "a"),
            ("src", "src/a.rs"),
            ("src/", "src/a.rs"),
            ("./src//a.rs", "src/a.rs"),
            ("**", "x/y"),
            ("", "x"),
            ("src/**", "src"),
            ("src/**", "src/x"),
            ("**/a", "a"),
            ("**/a", "x/y/a"),
            ("a/**/b", "a/b"),
            ("a/**/b", "a/x/y/b"),
            ("*.rs", "lib.*"),
            ("s?c", "src"),
            ("[st]rc", "src"),
            ("{src,tests}/*.rs", "tests/x.rs"),
            ("{a/b,c}", "a/b"),
            ("[a]x[b]", "axb"),
            ("a/../b", "b"),
            ("README", "readme"),
            ("a\\*", "a*"),
            ("a**b", "a/x/b"),
            ("[", "["),
        ] {
            assert!(globs_overlap(a, b), "{a} {b}");
            assert!(globs_overlap(b, a), "{b} {a}");
        }
    }

    #[test]
    fn disjoint_is_disjoint() {
        for (a, b) in [
            ("src/**", "tests/**"),
            ("src", "src2"),
            ("src/**", "srcx/a"),
            ("src/*.rs", "src/a/b.rs"),
            ("*.rs", "*.py"),
            ("a/**/b", "x/b"),
            ("s?c", "s/c"),
            ("a\\*", "ab"),
        ] {
            assert!(!globs_overlap(a, b), "{a} {b}");
            assert!(!globs_overlap(b, a), "{b} {a}");
        }
    }
}
