//! Parentheses and words, the layer below HDDL. Reads without recursion, whatever the nesting.

use crate::ast::Name;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// Lists may be nested this deep. It bounds the recursion of everything that walks a syntax tree.
pub(super) const MAX_DEPTH: usize = 256;

/// Names may be this long.
const MAX_NAME: usize = 1024;

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Node {
    span: Span,
    list: bool,
    first: u32,
    next: u32,
}

/// All nodes of a text; a node knows its first child and its next sibling.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

/// A word or a list of a [`Tree`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Sexp<'a> {
    tree: &'a Tree<'a>,
    id: u32,
}

impl<'a> Tree<'a> {
    /// Reads the text. Every stray or missing parenthesis is reported.
    pub(super) fn read(text: &'a str, source: u16, errors: &mut Vec<Diagnostic>) -> Self {
        let mut tree = Tree { text, nodes: Vec::with_capacity(text.len() / 6 + 1) };
        if u32::try_from(text.len()).is_err() {
            let text = "a text of more than 4 GiB; split it".to_owned();
            errors.push(Diagnostic::error(text, Span { source, ..Span::default() }));
            return tree;
        }
        let root = Node { span: Span::new(0, text.len()), list: true, first: NONE, next: NONE };
        tree.nodes.push(Node { span: Span { source, ..root.span }, ..root });
        // The open lists, each with its last child so far.
        let mut open: Vec<(u32, u32)> = vec![(0, NONE)];
        let bytes = text.as_bytes();
        let span = |start, end| Span { source, ..Span::new(start, end) };
        let mut i = 0;
        while i < bytes.len() {
            match bytes[i] {
                b' ' | b'\t' | b'\r' | b'\n' | 0x0c => i += 1,
                b';' => {
                    while i < bytes.len() && bytes[i] != b'\n' {
                        i += 1;
                    }
                }
                b'(' => {
                    if open.len() > MAX_DEPTH {
                        errors.push(
                            Diagnostic::error(
                                format!("lists are nested more than {MAX_DEPTH} deep"),
                                span(i, i + 1),
                            )
                            .help(
                                "flatten the expression; `and` and `or` take any number of parts",
                            ),
                        );
                        return tree;
                    }
                    let id = tree.push(span(i, i + 1), true, &mut open);
                    open.push((id, NONE));
                    i += 1;
                }
                b')' => {
                    if open.len() == 1 {
                        errors.push(
                            Diagnostic::error("this parenthesis closes nothing", span(i, i + 1))
                                .help("remove it, or add the `(` that it should close"),
                        );
                        return tree;
                    }
                    if let Some((id, _)) = open.pop() {
                        tree.nodes[id as usize].span.end = span(i, i + 1).end;
                    }
                    i += 1;
                }
                c if c < 0x20 || c == 0x7f => {
                    errors.push(Diagnostic::error(
                        format!("control character 0x{c:02x} in the text; remove it"),
                        span(i, i + 1),
                    ));
                    i += 1;
                }
                _ => {
                    let start = i;
                    while i < bytes.len()
                        && bytes[i] > b' '
                        && bytes[i] != 0x7f
                        && !matches!(bytes[i], b'(' | b')' | b';')
                    {
                        i += 1;
                    }
                    if i - start > MAX_NAME {
                        errors.push(
                            Diagnostic::error(
                                format!("a name of more than {MAX_NAME} bytes"),
                                span(start, start + 1),
                            )
                            .help("is this a text file in HDDL?"),
                        );
                        return tree;
                    }
                    tree.push(span(start, i), false, &mut open);
                }
            }
        }
        if let Some(&(id, _)) = open.get(1..).and_then(<[_]>::last) {
            let at = tree.nodes[id as usize].span;
            errors.push(
                Diagnostic::error("this parenthesis is never closed", at)
                    .help(format!("add {} `)`", open.len() - 1)),
            );
        }
        tree
    }

    fn push(&mut self, span: Span, list: bool, open: &mut [(u32, u32)]) -> u32 {
        let id = u32::try_from(self.nodes.len()).unwrap_or(NONE - 1);
        self.nodes.push(Node { span, list, first: NONE, next: NONE });
        if let Some((parent, last)) = open.last_mut() {
            if *last == NONE {
                self.nodes[*parent as usize].first = id;
            } else {
                self.nodes[*last as usize].next = id;
            }
            *last = id;
        }
        id
    }

    /// The list of all top-level expressions.
    pub(super) fn root(&'a self) -> Sexp<'a> {
        Sexp { tree: self, id: 0 }
    }
}

impl<'a> Sexp<'a> {
    fn node(self) -> Node {
        self.tree.nodes[self.id as usize]
    }

    pub(super) fn span(self) -> Span {
        self.node().span
    }

    pub(super) fn is_list(self) -> bool {
        self.node().list
    }

    /// The word, or `None` for a list.
    pub(super) fn word(self) -> Option<&'a str> {
        let node = self.node();
        (!node.list).then(|| &self.tree.text[node.span.start as usize..node.span.end as usize])
    }

    pub(super) fn name(self) -> Option<Name> {
        self.word().map(|w| Name { text: w.to_owned(), span: self.span() })
    }

    /// Whether it is this word, without regard to case.
    pub(super) fn is(self, word: &str) -> bool {
        self.word().is_some_and(|w| w.eq_ignore_ascii_case(word))
    }

    /// The elements of a list (none for a word).
    pub(super) fn items(self) -> Items<'a> {
        Items { tree: self.tree, next: self.node().first }
    }

    /// The first word of a list, in lower case.
    pub(super) fn head(self) -> Option<String> {
        self.items().next().and_then(Sexp::word).map(str::to_ascii_lowercase)
    }
}

/// Iterates over the elements of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Items<'a> {
    tree: &'a Tree<'a>,
    next: u32,
}

impl<'a> Iterator for Items<'a> {
    type Item = Sexp<'a>;

    fn next(&mut self) -> Option<Sexp<'a>> {
        (self.next != NONE).then(|| {
            let item = Sexp { tree: self.tree, id: self.next };
            self.next = item.node().next;
            item
        })
    }
}
